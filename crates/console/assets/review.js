// The editor of boxes: a layer over the original, in which every row of the form that has a box is drawn. The fields of the
// form are the truth: dragging writes into them, and what is typed into them is drawn. Without this file the form works by
// itself.
(() => {
  "use strict";

  const form = document.querySelector("form[data-review]");
  if (!form) return;
  const SVG = "http://www.w3.org/2000/svg";
  const MEMBERS = ["x", "y", "width", "height"];
  // How near to its beginning or end a moving box is placed for that moment alone, in seconds.
  const NEAR_S = 0.1;
  const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
  // A drag that is shorter is a click, in pixels of the screen.
  const DRAG_MIN = 4;
  // Larger where a finger has to meet them.
  const HANDLE_RADIUS = matchMedia("(pointer: coarse)").matches ? 11 : 7;
  // How long a new box of a video lasts at first, in seconds.
  const LASTS_S = 2;

  const isVideo = form.dataset.kind === "video";
  const [width, height] = [Number(form.dataset.width), Number(form.dataset.height)];
  const duration = Number(form.dataset.duration);
  const list = form.querySelector("[data-rows]");
  const stage = form.querySelector(".review-stage");
  const frame = stage?.parentElement;
  const media = stage?.firstElementChild;
  const said = form.querySelector("[data-said]");
  const count = form.querySelector("[data-count]");
  const rows = new Map();
  let svg;
  let selected;
  let drag;
  let changed = false;
  let numbers = 0;

  const clamp = (value, low, high) => Math.min(Math.max(value, low), Math.max(low, high));
  const tenths = (value) => String(Math.round(value * 10) / 10);
  const shape = (tag, className) => {
    const element = document.createElementNS(SVG, tag);
    if (className) element.setAttribute("class", className);
    return element;
  };

  // One row of the form, and its box in the layer.
  class Row {
    constructor(element) {
      this.element = element;
      this.key = element.dataset.row;
      this.isNew = element.classList.contains("is-new");
      this.details = element.querySelector("details");
      this.removal = element.querySelector("[data-remove]");
      this.fate = this.field("do");
      this.kind = this.field("class");
      // Only what has numbers of its own can be moved; tracks that were found are followed through the video.
      this.isOwn = Boolean(this.field("x"));
      for (const part of element.querySelectorAll("[data-scripted]")) part.hidden = false;
      this.removal.addEventListener("click", () => this.toggle());
      element.addEventListener("input", () => touch());
      element.addEventListener("focusin", () => select(this));
      this.details.addEventListener("toggle", () => this.details.open && select(this));
      element.querySelector("[data-ends]")?.addEventListener("click", () => this.begin_to_move());
      element.querySelector("[data-go]")?.addEventListener("click", (event) => go(event.target.dataset.go));
      for (const now of element.querySelectorAll("[data-now]")) {
        now.addEventListener("click", () => {
          this.field(now.dataset.now).value = media.currentTime.toFixed(2);
          touch();
        });
      }
      rows.set(this.key, this);
      if (svg && !this.kind?.hasAttribute("data-elsewhere")) this.layer();
      this.show();
    }
    field(member) {
      return this.element.querySelector(`[name="${member}.${this.key}"]`);
    }
    get name() {
      return this.element.querySelector("[data-name]").textContent;
    }
    get isRemoved() {
      return this.fate?.value === "remove";
    }
    layer() {
      this.group = shape("g", "review-box");
      this.body = shape("rect", "review-body");
      this.body.setAttribute("tabindex", "0");
      this.body.setAttribute("role", "button");
      this.body.addEventListener("focus", () => select(this));
      this.body.addEventListener("keydown", (event) => this.key_down(event));
      this.group.append(this.body);
      this.handles = (this.isOwn ? HANDLES : []).map((side) => {
        const handle = shape("circle", `review-handle review-handle-${side}`);
        handle.dataset.side = side;
        return handle;
      });
      this.group.append(...this.handles);
      this.group.row = this;
      svg.append(this.group);
    }
    // The box that is to be seen now.
    box() {
      if (!this.isOwn) return this.track && this.moved(present(this.track));
      const begin = this.read("");
      if (!isVideo || !begin) return begin;
      const { now, from, to } = this.times();
      if (now < from - 0.001 || now > to + 0.001) return undefined;
      const end = this.read("end_");
      if (!end) return begin;
      const part = to > from ? clamp((now - from) / (to - from), 0, 1) : 0;
      return Object.fromEntries(MEMBERS.map((member) => [member, begin[member] + (end[member] - begin[member]) * part]));
    }
    times() {
      const [from, to] = ["from", "to"].map((member) => Number(this.field(member).value));
      return { now: media?.currentTime ?? from, from, to };
    }
    // The box at the beginning, or at the end; nothing where its fields are not filled in.
    read(prefix) {
      const box = {};
      for (const member of MEMBERS) box[member] = Number.parseFloat(this.field(prefix + member)?.value);
      return Object.values(box).every(Number.isFinite) ? box : undefined;
    }
    write(prefix, box) {
      const w = clamp(box.width, 1, width);
      const h = clamp(box.height, 1, height);
      const inside = { x: clamp(box.x, 0, width - w), y: clamp(box.y, 0, height - h), width: w, height: h };
      for (const member of MEMBERS) this.field(prefix + member).value = tenths(inside[member]);
    }
    // Places it as it is to be seen now. A box that moves is placed at its beginning, at its end, or all along in between.
    put(box) {
      const end = isVideo && this.read("end_");
      const now = this.box();
      if (!end || !now) this.write("", box);
      else {
        const times = this.times();
        const ends = { "": Math.abs(times.now - times.from) <= NEAR_S, end_: Math.abs(times.now - times.to) <= NEAR_S };
        const either = ends[""] || ends.end_;
        for (const prefix of ["", "end_"]) {
          if (either && !ends[prefix]) continue;
          const before = this.read(prefix);
          this.write(prefix, Object.fromEntries(MEMBERS.map((member) => [member, before[member] + box[member] - now[member]])));
        }
      }
      touch();
    }
    // Its end is placed next, from where it begins.
    begin_to_move() {
      const begin = this.read("");
      if (!begin) return;
      if (!this.read("end_")) this.write("end_", begin);
      media?.pause?.();
      if (media) media.currentTime = this.times().to;
      said.textContent = `${this.name} moves: place it where it ends.`;
      touch();
    }
    // A track that was found, moved by what its fields say.
    moved(box) {
      if (!box) return undefined;
      const [dx, dy] = ["dx", "dy"].map((member) => Number.parseFloat(this.field(member)?.value) || 0);
      return { ...box, x: box.x + dx, y: box.y + dy };
    }
    toggle() {
      if (this.isNew) {
        rows.delete(this.key);
        this.group?.remove();
        this.element.remove();
        said.textContent = `${this.name} is removed.`;
        if (selected === this) selected = undefined;
        form.querySelector("[data-add]").focus();
        return touch();
      }
      this.fate.value = this.isRemoved ? "" : "remove";
      said.textContent = this.isRemoved ? `${this.name} is removed.` : `${this.name} is back.`;
      return touch();
    }
    key_down(event) {
      const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (event.key === "Delete" || event.key === "Backspace") this.toggle();
      else if (event.key === "Enter" || event.key === " ") this.reveal(true);
      else if (steps && this.isOwn && this.box()) {
        const [x, y] = steps.map((step) => step * (event.shiftKey ? 10 : 1));
        const box = this.box();
        if (event.altKey) this.put({ ...box, width: box.width + x, height: box.height + y });
        else this.put({ ...box, x: box.x + x, y: box.y + y });
      } else return;
      event.preventDefault();
    }
    // Opens its fields in the list. The list scrolls and not the page, which would take the picture away from under a finger.
    reveal(focus) {
      this.details.open = true;
      const [frame, own] = [list.getBoundingClientRect(), this.element.getBoundingClientRect()];
      if (own.bottom > frame.bottom) list.scrollTop += Math.min(own.bottom - frame.bottom, own.top - frame.top);
      else if (own.top < frame.top) list.scrollTop += own.top - frame.top;
      if (focus) this.element.querySelector("select, input").focus();
    }
    // Draws it as it is now.
    show() {
      const plate = this.kind ? this.kind.value === "plate" : this.element.classList.contains("media-plate");
      for (const element of [this.element, this.group]) {
        element?.classList.toggle("media-plate", plate);
        element?.classList.toggle("media-face", !plate);
        element?.classList.toggle("is-removed", this.isRemoved);
        element?.classList.toggle("is-selected", selected === this);
        element?.classList.toggle("is-kept", this.element.hasAttribute("data-kept") && this.fate?.value === "");
      }
      this.removal.textContent = this.isRemoved ? "Put back" : "Remove";
      this.removal.setAttribute("aria-label", `${this.removal.textContent}: ${this.name}`);
      if (!this.group) return;
      const box = this.box();
      this.group.classList.toggle("is-away", !box);
      if (!box) return;
      for (const member of MEMBERS) this.body.setAttribute(member, Math.max(0, box[member]));
      const place = `${Math.round(box.x)}, ${Math.round(box.y)}, ${Math.round(box.width)} by ${Math.round(box.height)} pixels`;
      this.body.setAttribute("aria-label", `${this.name}${this.isRemoved ? ", removed" : ""}: ${place}`);
      const radius = HANDLE_RADIUS * unit();
      // Handles that would cover a small box lie around it, those of the corners alone, so that its middle can be dragged.
      const isSmall = Math.min(box.width, box.height) < 4 * radius;
      const around = isSmall ? radius : 0;
      const outer = { x: box.x - around, y: box.y - around, width: box.width + 2 * around, height: box.height + 2 * around };
      for (const handle of this.handles) {
        const { x, y } = edge(outer, handle.dataset.side);
        handle.setAttribute("cx", clamp(x, 0, width));
        handle.setAttribute("cy", clamp(y, 0, height));
        handle.setAttribute("r", radius);
        handle.classList.toggle("is-spare", isSmall && handle.dataset.side.length === 1);
      }
    }
  }

  // Where the corner or the middle of a side of a box is.
  function edge(box, side) {
    const x = side.includes("w") ? 0 : side.includes("e") ? 1 : 0.5;
    const y = side.includes("n") ? 0 : side.includes("s") ? 1 : 0.5;
    return { x: box.x + box.width * x, y: box.y + box.height * y };
  }
  function middle(box) {
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }
  // Brings a place of the picture, in its pixels, to the middle of what is seen of it.
  function look_at({ x, y }) {
    frame.scrollLeft = x / unit() - frame.clientWidth / 2;
    frame.scrollTop = y / unit() - frame.clientHeight / 2;
  }
  // The middle of what is seen of the picture, in its pixels.
  function seen() {
    return { x: (frame.scrollLeft + frame.clientWidth / 2) * unit(), y: (frame.scrollTop + frame.clientHeight / 2) * unit() };
  }
  // Shows the picture larger than it fits, around what is selected or else around what is seen.
  function zoom(times) {
    const before = seen();
    const box = selected?.group && selected.box();
    stage.classList.remove("is-zoomed");
    stage.style.width = "";
    if (times > 1) {
      stage.style.width = `${stage.getBoundingClientRect().width * times}px`;
      stage.classList.add("is-zoomed");
    }
    draw();
    look_at(box ? middle(box) : before);
  }
  // Pixels of the picture in one of the screen.
  function unit() {
    return width / (svg.getBoundingClientRect().width || width);
  }
  function select(row) {
    if (selected === row) return;
    const before = selected;
    selected = row;
    before?.show();
    if (!row) return;
    // What is selected lies above the others, so that its handles can be reached. Moving the others keeps its focus.
    if (row.group) for (const other of [...svg.children]) if (other !== row.group) svg.insertBefore(other, row.group);
    row.show();
    const box = !drag && row.group && row.box();
    if (box && stage.classList.contains("is-zoomed")) look_at(middle(box));
  }
  function draw() {
    for (const row of rows.values()) row.show();
  }
  // Something was changed.
  function touch() {
    changed = true;
    draw();
    tell();
  }
  function tell() {
    const all = [...rows.values()];
    const added = all.filter((row) => row.isNew).length;
    const removed = all.filter((row) => row.isRemoved).length;
    const parts = [`${total + added - removed}`];
    if (added) parts.push(`${added} added`);
    if (removed) parts.push(`${removed} removed`);
    count.textContent = parts.join(", ");
    form.querySelector("[data-none]")?.toggleAttribute("hidden", added > 0);
  }
  const total = Number(count.textContent);

  // A new row with a box.
  function add(box) {
    numbers += 1;
    const made = document.getElementById("new-row").content.firstElementChild.cloneNode(true);
    for (const element of [made, ...made.querySelectorAll("*")]) {
      for (const attribute of [...element.attributes]) {
        if (attribute.value.includes("KEY")) attribute.value = attribute.value.replace("KEY", `new${numbers}`);
      }
    }
    made.querySelector("[data-name]").textContent = `New box ${numbers}`;
    list.append(made);
    const row = new Row(made);
    if (isVideo) {
      row.field("from").value = media ? media.currentTime.toFixed(2) : 0;
      row.field("to").value = Math.min(duration, (media?.currentTime ?? 0) + LASTS_S).toFixed(2);
    }
    row.put(box);
    select(row);
    said.textContent = `${row.name} is added.`;
    return row;
  }
  form.querySelector("[data-add]").addEventListener("click", () => {
    media?.pause?.();
    // In the middle of what is seen.
    const centre = stage ? seen() : { x: width / 2, y: height / 2 };
    const side = (Math.min(width, height) / 4) * (stage ? Math.min(1, frame.clientWidth / stage.clientWidth) : 1);
    const row = add({ x: centre.x - side / 2, y: centre.y - side / 2, width: side, height: side });
    row.reveal(!row.body);
    row.body?.focus();
  });

  // The pointer.
  function place(event) {
    const frame = svg.getBoundingClientRect();
    return {
      x: clamp(((event.clientX - frame.left) / frame.width) * width, 0, width),
      y: clamp(((event.clientY - frame.top) / frame.height) * height, 0, height),
    };
  }
  function spanned(a, b) {
    return { x: Math.min(a.x, b.x), y: Math.min(a.y, b.y), width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
  }
  function resized(box, side, to) {
    const [left, top, right, bottom] = [box.x, box.y, box.x + box.width, box.y + box.height];
    const a = { x: side.includes("w") ? to.x : left, y: side.includes("n") ? to.y : top };
    const b = { x: side.includes("e") ? to.x : right, y: side.includes("s") ? to.y : bottom };
    return spanned(a, b);
  }
  function pointer_down(event) {
    if (event.button !== 0) return;
    const row = event.target.closest(".review-box")?.row;
    const from = place(event);
    if (row) {
      const side = event.target.dataset.side;
      const grip = side && edge(row.box(), side);
      // Before it is selected, so that the picture stays where it is under the pointer.
      if (row.isOwn) drag = { row, from, box: row.box(), side, slip: grip && { x: from.x - grip.x, y: from.y - grip.y } };
      row.body.focus({ preventScroll: true });
      row.reveal(false);
    } else if (!isVideo && event.pointerType !== "touch") {
      drag = { from };
    } else return;
    if (!drag) return;
    event.preventDefault();
    drag.at = [event.clientX, event.clientY];
    svg.setPointerCapture(event.pointerId);
  }
  function pointer_move(event) {
    if (!drag) return;
    const to = place(event);
    const far = Math.hypot(event.clientX - drag.at[0], event.clientY - drag.at[1]);
    drag.moved ||= far >= DRAG_MIN;
    if (!drag.moved) return;
    if (!drag.row) {
      drag.row = add(spanned(drag.from, to));
      drag.box = undefined;
    }
    if (!drag.box) drag.row.put(spanned(drag.from, to));
    else if (drag.side) drag.row.put(resized(drag.box, drag.side, { x: to.x - drag.slip.x, y: to.y - drag.slip.y }));
    else drag.row.put({ ...drag.box, x: drag.box.x + to.x - drag.from.x, y: drag.box.y + to.y - drag.from.y });
  }
  function pointer_up() {
    if (drag && !drag.box) {
      if (drag.row) {
        drag.row.body.focus({ preventScroll: true });
        drag.row.reveal(false);
      } else select(undefined);
    }
    drag = undefined;
  }

  // Tracks of a video.
  const half = 0.5 / (Number(form.dataset.rate) || 25);
  function present(track) {
    const now = media.currentTime + half;
    let [low, high] = [0, track.boxes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (track.boxes[middle].time_s <= now) low = middle + 1;
      else high = middle;
    }
    const found = track.boxes[low - 1];
    return found && now - found.time_s <= half * 3 ? found.box : undefined;
  }
  function go(seconds) {
    media.pause();
    media.currentTime = Number(seconds) + half;
    stage.scrollIntoView({ block: "nearest" });
  }
  async function follow() {
    const answer = await fetch(form.dataset.detections);
    if (!answer.ok) return;
    const { tracks } = await answer.json();
    for (const row of rows.values()) if (!row.isOwn) row.track = tracks[Number(row.key)];
    draw();
  }
  function run() {
    draw();
    if (!media.paused) requestAnimationFrame(run);
  }

  // Begin.
  if (stage) {
    svg = shape("svg", "review-layer");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", "Boxes on the original");
    stage.append(svg);
    stage.classList.add(isVideo ? "is-video" : "is-picture");
    svg.addEventListener("pointerdown", pointer_down);
    svg.addEventListener("pointermove", pointer_move);
    for (const end of ["pointerup", "pointercancel"]) svg.addEventListener(end, pointer_up);
    new ResizeObserver(draw).observe(stage);
    form.querySelector("[data-zoom]").addEventListener("change", (event) => zoom(Number(event.target.value)));
    media.addEventListener("error", () => stage.classList.add("is-failed"));
  }
  for (const part of form.querySelectorAll("[data-scripted]")) part.hidden = false;
  for (const element of list.children) new Row(element);
  if (isVideo && stage) {
    for (const event of ["play", "seeked", "timeupdate", "loadeddata"]) media.addEventListener(event, run);
    follow().catch(() => (said.textContent = "The tracks cannot be loaded."));
  }
  // A browser that comes back fills in what was chosen before.
  draw();
  form.addEventListener("submit", () => (changed = false));
  addEventListener("beforeunload", (event) => changed && event.preventDefault());
})();

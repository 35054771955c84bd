// The upload page: files are dropped, go up one after the other with their progress to be seen, and their jobs stand above
// as soon as they exist. <mask-preview> shows on a drawing what the chosen mask does. Without this file the form sends
// everything at once and the page comes again.
(() => {
  "use strict";

  const form = document.querySelector("form[data-upload]");
  if (!form) return;
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const size = (bytes) => {
    const units = ["B", "kB", "MB", "GB"];
    let unit = 0;
    for (; bytes >= 999.95 && unit < 3; unit += 1) bytes /= 1000;
    return `${unit ? bytes.toFixed(1) : bytes} ${units[unit]}`;
  };
  for (const element of form.querySelectorAll("[data-scripted]")) element.hidden = false;
  form.classList.add("is-scripted");

  // Files.
  const FILES_AT_ONCE = 2;
  const input = form.querySelector("#files");
  const list = form.querySelector("[data-queue]");
  const button = form.querySelector("[data-send]");
  const clear = form.querySelector("[data-clear]");
  const said = form.querySelector("[data-said]");
  const max = Number(form.dataset.bytesMax);
  const queue = [];
  let running = 0;
  input.required = false;

  class Item {
    constructor(file) {
      this.file = file;
      this.state = "waiting";
      this.row = make("li", "queue-item");
      this.words = make("span", "hint", size(file.size));
      this.bar = make("progress");
      this.bar.max = 1;
      this.bar.value = 0;
      this.bar.hidden = true;
      this.bar.setAttribute("aria-label", `Upload of ${file.name}`);
      this.away = make("button", "ghost small icon-only", "×");
      this.away.type = "button";
      this.away.setAttribute("aria-label", `Remove ${file.name}`);
      this.away.addEventListener("click", () => this.remove());
      const name = make("span", "queue-name clip", file.name);
      name.title = file.name;
      this.row.append(name, this.words, this.bar, this.away);
      list.append(this.row);
      if (file.size > max) this.fail(`Larger than ${size(max)}, which is the most.`, false);
      else if (!file.size) this.fail("The file is empty.", false);
    }
    fail(text, again) {
      this.state = again ? "failed" : "refused";
      this.bar.hidden = true;
      this.row.classList.add("is-failed");
      this.words.textContent = text;
      said.textContent = `${this.file.name}: ${text}`;
    }
    remove() {
      this.request?.abort();
      const next = this.row.nextElementSibling ?? this.row.previousElementSibling;
      queue.splice(queue.indexOf(this), 1);
      this.row.remove();
      (next?.querySelector("button") ?? input).focus();
      tell();
    }
    send() {
      this.state = "sending";
      this.row.classList.remove("is-failed");
      this.bar.hidden = false;
      const data = new FormData(form);
      for (const name of ["csrf", "input_media"]) data.delete(name);
      // Behind the options, so that a bad one is refused before the file goes up.
      data.append("input_media", this.file, this.file.name);
      const request = new XMLHttpRequest();
      this.request = request;
      request.open("POST", form.action);
      request.setRequestHeader("X-CSRF-Token", document.querySelector('meta[name="csrf-token"]').content);
      request.setRequestHeader("HX-Request", "true");
      request.upload.addEventListener("progress", (event) => {
        this.bar.value = event.loaded / event.total;
        const part = Math.floor((event.loaded / event.total) * 100);
        this.words.textContent = part < 100 ? `${part} % of ${size(this.file.size)}` : "Is being stored…";
      });
      return new Promise((resolve) => {
        request.addEventListener("load", () => resolve(this.answered(request)));
        request.addEventListener("error", () => resolve(this.fail("The connection broke. Try again.", true)));
        request.addEventListener("abort", () => resolve());
        request.send(data);
      });
    }
    answered(request) {
      if (request.status === 201) {
        this.state = "done";
        queue.splice(queue.indexOf(this), 1);
        this.row.remove();
        return accepted(request.getResponseHeader("Location").split("/").pop());
      }
      if (request.status === 401) return location.reload();
      let text = "The server did not take it. Try again.";
      try {
        text = JSON.parse(request.getResponseHeader("HX-Trigger")).toast.text;
      } catch {
        // What is no answer of ours has no words.
      }
      return this.fail(text, request.status !== 413);
    }
  }

  const add = (files) => {
    for (const file of files) queue.push(new Item(file));
    tell();
  };
  // What the button says, and what there is to be seen.
  function tell() {
    const ready = queue.filter((item) => item.state === "waiting" || item.state === "failed").length;
    list.hidden = !queue.length;
    clear.hidden = !queue.length || running > 0;
    button.disabled = running > 0;
    const text = ready > 1 ? `Upload ${ready} files` : "Upload";
    button.querySelector("[data-send-text]").textContent = running ? "Uploading…" : text;
  }
  async function run() {
    running += 1;
    tell();
    for (;;) {
      const item = queue.find((one) => one.state === "ready");
      if (!item) break;
      await item.send();
    }
    running -= 1;
    tell();
    if (!running) {
      const failed = queue.length;
      said.textContent = failed ? `${failed} of the files could not be uploaded.` : "All files are uploaded.";
    }
  }

  input.addEventListener("change", () => {
    add(input.files);
    input.value = "";
  });
  clear.addEventListener("click", () => {
    for (const item of queue.splice(0)) item.row.remove();
    tell();
    input.focus();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (running) return;
    for (const item of queue) if (item.state === "waiting" || item.state === "failed") item.state = "ready";
    if (!queue.some((item) => item.state === "ready")) return input.click();
    for (let lane = 0; lane < FILES_AT_ONCE; lane += 1) run();
  });
  addEventListener("beforeunload", (event) => running && event.preventDefault());

  const drop = form.querySelector("[data-drop]");
  const brings = (event) => event.dataTransfer?.types.includes("Files");
  let inside = 0;
  addEventListener("dragenter", (event) => {
    if (!brings(event)) return;
    inside += 1;
    drop.classList.add("is-over");
  });
  addEventListener("dragleave", (event) => {
    if (!brings(event)) return;
    inside -= 1;
    if (inside <= 0) drop.classList.remove("is-over");
  });
  addEventListener("dragover", (event) => brings(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    inside = 0;
    drop.classList.remove("is-over");
    add(event.dataTransfer.files);
  });

  // Jobs of what was uploaded, kept up to date by app.js. They stand in the address too, for whoever loads the page again.
  const JOBS_SHOWN_MAX = 50;
  const GATHER_MS = 400;
  const uploaded = document.getElementById("uploaded");
  let jobs = uploaded.dataset.jobs.split(",").filter(Boolean);
  let gathering;
  function accepted(id) {
    jobs = [...jobs, id].slice(-JOBS_SHOWN_MAX);
    clearTimeout(gathering);
    gathering = setTimeout(follow, GATHER_MS);
  }
  function follow() {
    const query = `?jobs=${jobs.join(",")}`;
    history.replaceState(history.state, "", location.pathname + query);
    uploaded.hidden = false;
    const before = uploaded.querySelector(":scope > div:last-child");
    const live = make("div");
    live.dataset.live = `/manager/upload/live${query}`;
    live.append(...before.childNodes);
    before.replaceWith(live);
    // As after any other change of the page: its live parts are looked for again.
    document.dispatchEvent(new CustomEvent("htmx:after:swap"));
  }

  // Options.
  const value = (name) => form.elements[name].value;
  function options() {
    const style = value("blur_type[anonymization_type]");
    for (const field of form.querySelectorAll("[data-of]")) field.hidden = field.dataset.of !== style;
    for (const output of form.querySelectorAll("output[for]")) {
      const control = document.getElementById(output.htmlFor.value);
      const percent = control.hasAttribute("data-percent");
      output.textContent = percent ? `${Math.round(control.value * 100)} %` : control.value;
      if (percent) control.setAttribute("aria-valuetext", output.textContent);
    }
    const shows = (what) => form.querySelector(`[data-shows="${what}"]`).checked;
    form.querySelector("mask-preview")?.show?.({
      style,
      cells: Number(value("blur_type[num_pixels]")),
      color: value("blur_type[hex_color]"),
      shape: value("mask_shape"),
      growth: Number(value("mask_growth")),
      smooth: Number(value("blur_type[smooth_padding]")),
      classes: ["face", "plate"].filter(shows),
    });
  }
  form.addEventListener("input", options);

  // What the drawing holds, in its own units.
  const THINGS = [
    { class: "face", shape: "ellipse", box: { x: 78, y: 78, width: 90, height: 132 } },
    { class: "plate", shape: "quad", box: { x: 318, y: 206, width: 80, height: 24 } },
  ];
  const BLUR_CELLS = 6;
  const EDGE_STEPS = 16;

  class MaskPreview extends HTMLElement {
    connectedCallback() {
      this.image = this.querySelector("img");
      this.canvas = make("canvas");
      this.canvas.width = 960;
      this.canvas.height = 640;
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", `${this.image.alt}, hidden as chosen`);
      const begin = () => {
        this.image.hidden = true;
        this.append(this.canvas);
        options();
      };
      if (this.image.complete && this.image.naturalWidth) begin();
      else this.image.addEventListener("load", begin, { once: true });
    }
    show(mask) {
      if (!this.canvas?.isConnected) return;
      const context = this.canvas.getContext("2d");
      context.drawImage(this.image, 0, 0, 960, 640);
      for (const thing of THINGS) if (mask.classes.includes(thing.class)) this.hide(context, thing, mask);
    }
    hide(context, thing, mask) {
      const scale = 2;
      const grow = mask.growth;
      const region = {
        x: (thing.box.x - thing.box.width * grow) * scale,
        y: (thing.box.y - thing.box.height * grow) * scale,
        width: thing.box.width * (1 + 2 * grow) * scale,
        height: thing.box.height * (1 + 2 * grow) * scale,
      };
      const edge = (mask.smooth * Math.min(region.width, region.height)) / 2;
      const whole = grown(region, edge);
      const filled = this.filled(whole, region, mask);
      const shape = layer(whole);
      const pen = shape.getContext("2d");
      const corners = mask.shape === "quad" && thing.class === "face" ? "box" : mask.shape || thing.shape;
      pen.translate(-whole.x, -whole.y);
      // A soft edge is many outlines, each a little smaller and denser.
      const steps = edge ? EDGE_STEPS : 1;
      for (let step = 0; step < steps; step += 1) {
        pen.globalAlpha = 1 / (steps - step);
        outline(pen, grown(region, edge * (1 - step / Math.max(1, steps - 1)) * (edge ? 1 : 0)), corners);
        pen.fill();
      }
      const ink = filled.getContext("2d");
      ink.globalCompositeOperation = "destination-in";
      ink.drawImage(shape, 0, 0);
      context.drawImage(filled, whole.x, whole.y);
    }
    // What stands in a region.
    filled(whole, region, mask) {
      const result = layer(whole);
      const ink = result.getContext("2d");
      if (mask.style === "opaque") {
        ink.fillStyle = mask.color;
        ink.fillRect(0, 0, result.width, result.height);
        return result;
      }
      const across = mask.style === "blur" ? BLUR_CELLS : mask.cells;
      const cell = Math.max(region.width, region.height) / across;
      const small = document.createElement("canvas");
      small.width = Math.max(1, Math.round(whole.width / cell));
      small.height = Math.max(1, Math.round(whole.height / cell));
      const averaged = small.getContext("2d");
      averaged.imageSmoothingQuality = "high";
      averaged.drawImage(this.canvas, whole.x, whole.y, whole.width, whole.height, 0, 0, small.width, small.height);
      ink.imageSmoothingEnabled = mask.style === "blur";
      ink.imageSmoothingQuality = "high";
      ink.drawImage(small, 0, 0, result.width, result.height);
      return result;
    }
  }

  function layer(region) {
    const canvas = document.createElement("canvas");
    canvas.width = Math.ceil(region.width);
    canvas.height = Math.ceil(region.height);
    return canvas;
  }
  function grown(region, by) {
    return {
      x: region.x - by,
      y: region.y - by,
      width: region.width + 2 * by,
      height: region.height + 2 * by,
    };
  }
  // A box, or an ellipse with fuller corners.
  function outline(pen, region, shape) {
    pen.beginPath();
    if (shape !== "ellipse") return pen.rect(region.x, region.y, region.width, region.height);
    const [rx, ry] = [region.width / 2, region.height / 2];
    const fuller = (cosine) => Math.sign(cosine) * Math.abs(cosine) ** (2 / 2.6);
    for (let step = 0; step < 72; step += 1) {
      const angle = (step / 72) * 2 * Math.PI;
      pen.lineTo(region.x + rx + rx * fuller(Math.cos(angle)), region.y + ry + ry * fuller(Math.sin(angle)));
    }
    pen.closePath();
  }

  customElements.define("mask-preview", MaskPreview);
  options();
  tell();
})();

// <media-compare>: an original over its result, divided where the visitor wants it, and the detections drawn upon both.
// Without scripts its pictures or players stand side by side. The server has written all of its controls; here they are
// put to work. What varies with each picture is set through the style object, because the policy forbids style attributes.
(() => {
  "use strict";

  const SVG = "http://www.w3.org/2000/svg";
  // Rows of a list, and boxes that still carry their names.
  const ROWS_MAX = 300;
  const NAMES_MAX = 40;
  // Further apart than this in seconds, one player jumps to where the other is.
  const APART_MAX_S = 0.12;

  const name = (thing) => (thing.class === "plate" ? "Licence plate" : "Face");
  const percent = (confidence) => `${Math.round(confidence * 100)} %`;
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  // 0:07.4, 1:02:07.4
  const clock = (seconds) => {
    const tenths = Math.max(0, Math.round((seconds || 0) * 10));
    const two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(tenths / 36000), Math.floor(tenths / 600) % 60];
    const rest = `${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
    return hours ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
  };

  // Whether it failed before anybody could listen.
  const broken = (media) => Boolean(media.error) || (media.complete && !media.naturalWidth);

  class MediaCompare extends HTMLElement {
    connectedCallback() {
      if (this.begun) return;
      this.begun = true;
      this.stage = this.querySelector(".media-stage");
      this.after = this.querySelector(".media-after > :first-child");
      this.before = this.querySelector(".media-before > :first-child");
      this.main = this.after ?? this.before;
      this.isVideo = this.dataset.kind === "video";
      this.main.addEventListener("error", () => this.fail());
      if (broken(this.main)) this.fail();
      if (this.after && this.before) this.split();
      if (this.dataset.detections) this.drawable();
      if (this.isVideo) this.play();
      this.querySelector(".media-tools").hidden = !this.querySelector(".media-tools").childElementCount;
    }

    disconnectedCallback() {
      cancelAnimationFrame(this.frame);
    }

    fail() {
      this.classList.add("is-failed");
      this.querySelector(".media-failed").hidden = false;
    }

    // The divider is a range input as large as the picture: the pointer, the arrow keys and a screen reader all know it.
    split() {
      const line = make("span", "media-line");
      const range = make("input", "media-split");
      Object.assign(range, { type: "range", min: 0, max: 100, step: 1, value: 50 });
      range.setAttribute("aria-label", "Divider between original and result");
      const move = () => {
        this.style.setProperty("--split", `${range.value}%`);
        range.setAttribute("aria-valuetext", `${range.value} % original`);
      };
      range.addEventListener("input", move);
      // The original may be gone by now: what remains is the result.
      const alone = () => {
        for (const element of [line, range, this.before.parentElement]) element.remove();
        this.classList.remove("is-split");
      };
      this.before.addEventListener("error", alone);
      this.stage.append(line, range);
      this.classList.add("is-split");
      move();
      if (broken(this.before)) alone();
    }

    // Detections: fetched when they are first wanted.
    drawable() {
      this.svg = document.createElementNS(SVG, "svg");
      this.svg.setAttribute("class", "media-boxes");
      this.svg.setAttribute("aria-hidden", "true");
      this.svg.setAttribute("preserveAspectRatio", "none");
      this.stage.append(this.svg);
      const checkbox = this.querySelector("[data-boxes]");
      const list = this.querySelector(".media-list");
      checkbox.addEventListener("change", () => this.show(checkbox.checked));
      list.hidden = false;
      list.addEventListener("toggle", () => list.open && this.load());
      // Of a video the boxes are the point; a picture is compared first.
      checkbox.checked = this.isVideo;
      if (this.isVideo) this.show(true);
    }

    async show(wanted) {
      this.drawn = wanted;
      if (wanted) await this.load();
      this.draw();
    }

    load() {
      this.loading ??= fetch(this.dataset.detections)
        .then((answer) => (answer.ok ? answer.json() : Promise.reject(new Error(String(answer.status)))))
        .then((found) => this.read(found))
        .catch(() => {
          this.querySelector("[data-list]").replaceChildren(make("p", "quiet", "The detections cannot be loaded."));
        });
      return this.loading;
    }

    read(found) {
      const frame = found.picture ?? found.video;
      this.svg.setAttribute("viewBox", `0 0 ${frame.width} ${frame.height}`);
      this.unit = Math.max(frame.width, frame.height) / 100;
      this.tracks = found.tracks ?? [];
      // Animations and pages have boxes that belong to other frames than the one that stands here.
      this.detections = (found.detections ?? []).filter((one) => !one.frame);
      this.half = 0.5 / (found.video?.frame_rate || 25);
      this.fill(found.detections ?? found.tracks);
    }

    fill(all) {
      this.querySelector("[data-count]").textContent = `(${all.length})`;
      const box = this.querySelector("[data-list]");
      if (!all.length) return box.replaceChildren(make("p", "quiet", "Nothing was found."));
      const rows = all.slice(0, ROWS_MAX);
      box.replaceChildren(this.isVideo ? this.trackList(rows) : this.detectionTable(rows));
      if (all.length > ROWS_MAX) {
        box.append(make("p", "hint", `The first ${ROWS_MAX} are listed. Download the detections for the rest.`));
      }
    }

    detectionTable(rows) {
      const table = make("table", "table");
      const head = table.createTHead().insertRow();
      const columns = ["What", "Confidence", "Place", "Size", "Found by", "Hidden"];
      for (const column of columns) {
        const cell = make("th", "", column);
        cell.scope = "col";
        head.append(cell);
      }
      const body = table.createTBody();
      for (const one of rows) {
        const { x, y, width, height } = one.box;
        const row = body.insertRow();
        const texts = [
          name(one),
          one.manual ? "by hand" : percent(one.confidence),
          `${Math.round(x)}, ${Math.round(y)} px`,
          `${Math.round(width)} × ${Math.round(height)} px`,
          one.manual ? "a person" : one.model,
          one.hidden === false ? "no" : "yes",
        ];
        texts.forEach((text, index) => {
          row.insertCell().textContent = text;
          row.cells[index].dataset.label = columns[index];
        });
      }
      return table;
    }

    // A row for each track: when it is to be seen, and a way there.
    trackList(rows) {
      const list = make("ul", "media-tracks");
      const ends = this.tracks.map((track) => track.boxes.at(-1)?.time_s ?? 0);
      const length = Math.max(this.main.duration || 0, ...ends, 0.001);
      for (const track of rows) {
        const from = track.boxes[0]?.time_s ?? 0;
        const to = track.boxes.at(-1)?.time_s ?? from;
        const item = make("li", `media-track media-${track.class}`);
        const go = make("button", "ghost small");
        go.type = "button";
        go.append(make("strong", "", `${name(track)} ${track.id + 1}`));
        const certainty = track.manual ? "by hand" : percent(track.confidence);
        const kept = track.hidden === false ? ", not hidden" : "";
        go.append(make("span", "quiet", ` ${certainty}, ${clock(from)} to ${clock(to)}${kept}`));
        go.addEventListener("click", () => this.go(from));
        const strip = document.createElementNS(SVG, "svg");
        strip.setAttribute("class", "media-strip");
        strip.setAttribute("viewBox", "0 0 1000 8");
        strip.setAttribute("preserveAspectRatio", "none");
        strip.setAttribute("aria-hidden", "true");
        const bar = document.createElementNS(SVG, "rect");
        const left = (from / length) * 1000;
        const values = { x: left, y: 0, height: 8, width: Math.max(6, (to / length) * 1000 - left), rx: 4 };
        for (const [key, value] of Object.entries(values)) bar.setAttribute(key, value);
        strip.append(bar);
        item.append(go, strip);
        list.append(item);
      }
      return list;
    }

    // What is to be seen now.
    present() {
      if (!this.isVideo) return this.detections ?? [];
      const now = this.main.currentTime + this.half;
      const present = [];
      for (const track of this.tracks ?? []) {
        const box = latest(track.boxes, now);
        if (!box || now - box.time_s > this.half * 3) continue;
        present.push({ ...track, box: box.box, hidden: box.hidden, held: box.origin === "held" });
      }
      return present;
    }

    draw() {
      if (!this.svg) return;
      const shapes = [];
      if (this.drawn && this.unit) {
        const present = this.present();
        for (const one of present) {
          const group = document.createElementNS(SVG, "g");
          group.setAttribute("class", `media-box media-${one.class}${one.hidden === false ? " is-kept" : ""}`);
          const rect = document.createElementNS(SVG, "rect");
          for (const key of ["x", "y", "width", "height"]) rect.setAttribute(key, one.box[key]);
          if (one.held) rect.setAttribute("stroke-dasharray", "4 4");
          group.append(rect);
          if (present.length <= NAMES_MAX) group.append(this.label(one));
          shapes.push(group);
        }
      }
      this.svg.replaceChildren(...shapes);
    }

    label(one) {
      const text = document.createElementNS(SVG, "text");
      const size = Math.max(this.unit * 1.6, 9);
      const above = one.box.y > size * 1.3;
      text.setAttribute("x", one.box.x);
      text.setAttribute("y", above ? one.box.y - size * 0.35 : one.box.y + one.box.height + size);
      text.setAttribute("font-size", size);
      const number = this.isVideo ? ` ${one.id + 1}` : "";
      text.textContent = `${name(one)}${number} ${one.manual ? "by hand" : percent(one.confidence)}`;
      return text;
    }

    // One player for both: the result leads, the original follows.
    play() {
      const player = this.querySelector(".media-player");
      const button = player.querySelector("[data-play]");
      const seek = player.querySelector("[data-seek]");
      const time = player.querySelector("[data-clock]");
      const rate = player.querySelector("[data-rate]");
      const other = this.main === this.after ? this.before : null;
      for (const video of [this.main, other]) if (video) video.controls = false;
      player.hidden = false;

      const tell = () => {
        const length = this.main.duration || 0;
        seek.max = length || 1;
        if (document.activeElement !== seek || !this.main.paused) seek.value = this.main.currentTime;
        const text = `${clock(this.main.currentTime)} / ${clock(length)}`;
        time.textContent = text;
        seek.setAttribute("aria-valuetext", text);
      };
      const follow = () => {
        if (!other || !other.duration || other.seeking) return;
        const apart = Math.abs(other.currentTime - this.main.currentTime);
        if (apart > (this.main.paused ? 0.001 : APART_MAX_S)) other.currentTime = this.main.currentTime;
      };
      const tick = () => {
        tell();
        follow();
        this.draw();
        if (!this.main.paused) this.frame = requestAnimationFrame(tick);
      };
      this.go = (seconds) => {
        this.main.currentTime = seconds;
        tick();
      };
      button.addEventListener("click", () => (this.main.paused ? this.main.play() : this.main.pause()));
      this.main.addEventListener("play", () => {
        button.setAttribute("aria-label", "Pause");
        this.classList.add("is-playing");
        other?.play()?.catch(() => {});
        tick();
      });
      for (const event of ["pause", "ended"]) {
        this.main.addEventListener(event, () => {
          button.setAttribute("aria-label", "Play");
          this.classList.remove("is-playing");
          other?.pause();
          tick();
        });
      }
      for (const event of ["loadedmetadata", "seeked", "timeupdate"]) this.main.addEventListener(event, tick);
      other?.addEventListener("loadedmetadata", follow);
      seek.addEventListener("input", () => this.go(Number(seek.value)));
      rate.addEventListener("change", () => {
        for (const video of [this.main, other]) if (video) video.playbackRate = Number(rate.value);
      });
      tell();
    }
  }

  // The last box that begins by a time; they are in order.
  function latest(boxes, time) {
    let low = 0;
    let high = boxes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (boxes[middle].time_s <= time) low = middle + 1;
      else high = middle;
    }
    return boxes[low - 1];
  }

  customElements.define("media-compare", MediaCompare);
})();

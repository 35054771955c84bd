// The behaviour of the Manager's pages. It hangs on data- attributes, because the policy forbids inline scripts:
//
//   data-live="URL"        content that is kept up to date by server-sent events
//   data-confirm="text"    on a form: asks before it is sent
//   data-dialog="#id"      on a button: opens a <dialog>; data-close within one closes it
//   data-copy="#id"        on a button: copies the text of an element
//   data-dismiss           on a button in a toast: takes it away
//   data-theme-toggle      on a button: light or dark
//   data-time, data-ago    on <time>: shown in the visitor's time zone
(() => {
  "use strict";

  const token = () => document.querySelector('meta[name="csrf-token"]')?.content ?? "";

  // Every request of htmx that changes something brings the token of the session.
  document.addEventListener("htmx:config:request", (event) => {
    const request = event.detail.ctx.request;
    if (request.method.toUpperCase() !== "GET") request.headers["X-CSRF-Token"] = token();
  });
  document.addEventListener("htmx:error", () => toast("failure", "The server does not answer. Try again in a moment."));

  // Messages.
  const TOAST_MS = 6000;
  function toast(kind, text) {
    const box = document.createElement("div");
    box.className = `toast toast-${kind === "failure" ? "failure" : "success"}`;
    const words = document.createElement("span");
    words.textContent = text;
    const close = document.createElement("button");
    close.type = "button";
    close.className = "ghost icon-only";
    close.setAttribute("aria-label", "Dismiss");
    close.setAttribute("data-dismiss", "");
    close.textContent = "×";
    box.append(words, close);
    document.getElementById("toasts")?.append(box);
    retire(box);
  }
  function retire(box) {
    // What went wrong stays until it was read.
    if (box.classList.contains("toast-failure")) return;
    setTimeout(() => box.remove(), TOAST_MS);
  }
  document.addEventListener("toast", (event) => toast(event.detail?.kind, event.detail?.text ?? ""));

  // Light and dark. The server reads the cookie, so that the next page comes in the right colours at once.
  function toggleTheme() {
    const root = document.documentElement;
    const dark = root.dataset.theme
      ? root.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    document.cookie = `sfumato-theme=${root.dataset.theme}; Path=/manager; Max-Age=31536000; SameSite=Lax`;
  }

  async function copy(button) {
    const source = document.querySelector(button.dataset.copy);
    if (!source) return;
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text.trim());
      toast("success", "Copied.");
    } catch {
      // Without TLS browsers give no access to the clipboard: select the text for the visitor to copy.
      getSelection()?.selectAllChildren(source);
      toast("success", "Press Ctrl+C to copy.");
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button, a");
    if (!button) return;
    if (button.hasAttribute("data-dismiss")) button.closest(".toast")?.remove();
    if (button.hasAttribute("data-theme-toggle")) toggleTheme();
    if (button.dataset.copy) copy(button);
    if (button.dataset.dialog) document.querySelector(button.dataset.dialog)?.showModal();
    if (button.hasAttribute("data-close")) button.closest("dialog")?.close();
  });

  // Questions before something is done.
  function ask(text) {
    const dialog = document.getElementById("confirm");
    if (!dialog?.showModal) return Promise.resolve(confirm(text));
    document.getElementById("confirm-text").textContent = text;
    dialog.returnValue = "no";
    dialog.showModal();
    return new Promise((resolve) =>
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }),
    );
  }
  document.addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      const question = form.dataset?.confirm;
      if (!question || form.dataset.confirmed) return;
      event.preventDefault();
      event.stopPropagation();
      ask(question).then((yes) => {
        if (!yes) return;
        form.dataset.confirmed = "yes";
        form.requestSubmit(event.submitter ?? undefined);
        delete form.dataset.confirmed;
      });
    },
    true,
  );
  document.addEventListener("htmx:confirm", (event) => {
    event.preventDefault();
    const { ctx, issueRequest, dropRequest } = event.detail;
    ask(ctx.confirm).then((yes) => (yes ? issueRequest() : dropRequest()));
  });

  // Times in the visitor's zone.
  const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  function localTimes(root) {
    for (const element of root.querySelectorAll("time[data-time], time[data-ago]")) {
      const instant = new Date(element.dateTime);
      if (Number.isNaN(instant.valueOf())) continue;
      if (element.hasAttribute("data-time")) element.textContent = exact.format(instant);
      element.title = instant.toLocaleString();
    }
  }

  // Live parts. The stream rests while the page is hidden; where none gets through, the fragment is asked for instead.
  const POLL_MS = 5000;
  class Live {
    constructor(element) {
      this.element = element;
      this.url = element.dataset.live;
      this.failures = 0;
      this.resume();
    }
    resume() {
      this.pause();
      if (!this.element.isConnected || document.hidden) return;
      if (this.failures >= 3) return this.poll();
      this.source = new EventSource(this.url);
      this.source.onmessage = (event) => {
        this.failures = 0;
        this.show(event.data);
      };
      this.source.onerror = () => {
        this.failures += 1;
        // The browser tries again by itself, unless the server has refused.
        if (this.source.readyState === EventSource.CLOSED || this.failures >= 3) {
          this.pause();
          this.timer = setTimeout(() => this.resume(), POLL_MS);
        }
      };
    }
    pause() {
      this.source?.close();
      clearTimeout(this.timer);
    }
    async poll() {
      try {
        const answer = await fetch(this.url, { headers: { "HX-Request": "true", Accept: "text/html" } });
        if (answer.status === 401) return location.reload();
        if (answer.ok) this.show(await answer.text());
      } catch {
        // The next round tells.
      }
      if (this.element.isConnected && !document.hidden) this.timer = setTimeout(() => this.poll(), POLL_MS);
    }
    // Morphing keeps focus, selection and scrolling where they are.
    async show(html) {
      if (!this.element.isConnected) return this.pause();
      await htmx.swap({ text: html, target: this.element, sourceElement: this.element, swap: "innerMorph", hx: {} });
      localTimes(this.element);
    }
  }
  const lives = new Map();
  function begin(root) {
    for (const [element, live] of lives) {
      if (element.isConnected) continue;
      live.pause();
      lives.delete(element);
    }
    for (const element of root.querySelectorAll("[data-live]")) {
      if (!lives.has(element)) lives.set(element, new Live(element));
    }
    localTimes(root);
  }
  document.addEventListener("visibilitychange", () => {
    for (const live of lives.values()) document.hidden ? live.pause() : live.resume();
  });
  addEventListener("pagehide", () => lives.forEach((live) => live.pause()));
  addEventListener("pageshow", (event) => event.persisted && lives.forEach((live) => live.resume()));
  document.addEventListener("htmx:after:swap", () => begin(document.body));

  for (const box of document.querySelectorAll(".toast")) retire(box);
  begin(document.body);
})();

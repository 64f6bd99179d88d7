// Keeps a page fresh. The page works without it.
//
// The server names what changed over one stream of events. Then the page is fetched again, and each of its regions that
// differs takes the place of the one that is shown, unless somebody is in it: with the focus, the pointer on something to
// press, a selection, or a form that was begun. Those wait, and a button shows them.
"use strict";

(() => {
  const body = document.body;
  const byId = (id) => document.getElementById(id);

  // A button can copy only where the browser lets it; the command is there to be selected in any case.
  const offerCopying = () => {
    if (!navigator.clipboard) return;
    for (const button of document.querySelectorAll("[data-copy]")) button.hidden = false;
  };
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const before = button.textContent;
    try {
      await navigator.clipboard.writeText(byId(button.dataset.copy).textContent);
      button.textContent = "Copied: now run it";
    } catch {
      getSelection().selectAllChildren(byId(button.dataset.copy));
      button.textContent = "Not copied: the command is selected";
    }
    announce(button.textContent);
    setTimeout(() => { button.textContent = before; }, 4000);
  });
  offerCopying();

  if (!body.dataset.news) return;

  // The clock of the server counts: a phone's may be wrong.
  let ahead = Date.parse(body.dataset.now) - Date.now();
  const now = () => Date.now() + ahead;

  const roughly = (seconds) => {
    const [minutes, hours, days] = [60, 3600, 86400].map((unit) => Math.floor(seconds / unit));
    if (seconds < 120) return `${seconds} s`;
    if (seconds < 3600) return `${minutes} min`;
    if (seconds < 86400) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
    return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
  };
  const say = (time, words) => { if (time.textContent !== words) time.textContent = words; };
  const tick = () => {
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const seconds = Math.floor((now() - Date.parse(time.dateTime)) / 1000);
      say(time, seconds < 0 ? `in ${roughly(-seconds)}` : `${roughly(seconds)} ago`);
    }
    for (const time of document.querySelectorAll("time[data-due]")) {
      const left = Math.floor((Date.parse(time.dateTime) - now()) / 1000);
      say(time, left < 0 ? `overdue for ${roughly(-left)}` : `due in ${roughly(left)}`);
    }
  };

  const freshness = byId("freshness");
  const pause = byId("pause");
  const showNews = byId("show-news");
  const clock = () => new Date(now()).toLocaleTimeString(undefined, { hour12: false });
  let lastHeard = clock();
  let told = "";
  const tell = (text, isStale) => {
    freshness.parentElement.classList.toggle("stale", isStale);
    if (text !== told) freshness.textContent = told = text;
  };
  const announcer = document.createElement("p");
  announcer.className = "unseen";
  announcer.setAttribute("role", "status");
  body.append(announcer);
  function announce(text) { announcer.textContent = text; }

  const isBegun = (field) => field.type === "radio" || field.type === "checkbox"
    ? field.checked !== field.defaultChecked
    : field.type !== "hidden" && field.value !== field.defaultValue;
  // A finger leaves no pointer behind, although browsers say so.
  const hasPointer = matchMedia("(hover: hover)");
  const isInUse = (region) => {
    const selection = getSelection();
    return region.contains(document.activeElement)
      || (hasPointer.matches && region.querySelector("a:hover, button:hover, summary:hover, label:hover, input:hover"))
      || (!selection.isCollapsed && region.contains(selection.anchorNode))
      || [...region.querySelectorAll("input, textarea")].some(isBegun);
  };

  // What is closed and open, and what the script and the clock changed, is no difference.
  const plain = (region) => {
    const copy = region.cloneNode(true);
    for (const time of copy.querySelectorAll("time[data-ago], time[data-due]")) time.textContent = "";
    for (const part of copy.querySelectorAll("details")) part.removeAttribute("open");
    for (const button of copy.querySelectorAll("[data-copy]")) button.hidden = true;
    return copy.innerHTML;
  };
  // What somebody is about to press, or writes in, stays where it is on the screen, whatever comes in above it.
  const inHand = () => (hasPointer.matches && document.querySelector("a:hover, button:hover, summary:hover, label:hover, input:hover, textarea:hover"))
    || (document.activeElement === body ? null : document.activeElement);
  const keepStill = (change) => {
    const held = inHand();
    if (!held) { change(); return; }
    const root = document.documentElement;
    root.style.overflowAnchor = "none";
    const before = held.getBoundingClientRect().top;
    change();
    if (held.isConnected) scrollBy({ top: held.getBoundingClientRect().top - before, behavior: "instant" });
    requestAnimationFrame(() => requestAnimationFrame(() => { root.style.overflowAnchor = ""; }));
  };
  const waiting = new Map();
  const replace = (region, fresh) => {
    for (const part of region.querySelectorAll("details[id]")) {
      const same = fresh.querySelector(`#${CSS.escape(part.id)}`);
      if (same && part.open) same.open = true;
    }
    const focused = region.contains(document.activeElement) && document.activeElement.id;
    region.replaceChildren(...fresh.childNodes);
    if (focused) byId(focused)?.focus({ preventScroll: true });
    waiting.delete(region.id);
  };
  // Entries are told one by one: those that are there stay where they are.
  const merge = (list, fresh) => {
    let added = 0;
    let before = null;
    for (const entry of [...fresh.children]) {
      const known = byId(entry.id);
      if (known && list.contains(known)) {
        if (plain(known) !== plain(entry)) known.replaceChildren(...entry.childNodes);
        before = known;
      } else {
        entry.classList.add("new");
        if (before) before.after(entry); else list.prepend(entry);
        before = entry;
        added += 1;
      }
    }
    const still = new Set([...fresh.children, ...list.children].map((entry) => entry.id));
    for (const entry of [...list.children]) if (!still.has(entry.id)) entry.remove();
    return added;
  };
  const showWaiting = (all) => {
    keepStill(() => {
      for (const [id, fresh] of waiting) {
        const region = byId(id);
        if (region && (all || !isInUse(region))) replace(region, fresh);
      }
    });
    showNews.hidden = waiting.size === 0;
    offerCopying();
    tick();
  };
  showNews.addEventListener("click", () => {
    showWaiting(true);
    byId("main").focus({ preventScroll: true });
  });

  let known = Number(body.dataset.news);
  let fetching = false;
  let again = false;
  const refresh = async () => {
    if (fetching) { again = true; return; }
    fetching = true;
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      if (answer.redirected && new URL(answer.url).pathname === "/login") { signedOut(); return; }
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      known = Math.max(known, Number(page.body.dataset.news));
      ahead = Date.parse(page.body.dataset.now) - Date.now();
      document.title = page.title;
      let changed = 0;
      for (const list of document.querySelectorAll("[data-keyed]")) {
        const fresh = page.getElementById(list.id);
        if (fresh) keepStill(() => merge(list, fresh));
      }
      for (const region of document.querySelectorAll("[data-region]")) {
        const fresh = page.getElementById(region.id);
        if (!fresh || plain(fresh) === plain(region)) { waiting.delete(region.id); continue; }
        waiting.set(region.id, fresh);
        changed += 1;
      }
      showWaiting(false);
      if (changed) announce("The page has changed.");
    } catch {
      tell(`Not updated since ${lastHeard}: the server does not answer.`, true);
    } finally {
      // At most one fetch in two seconds, however fast alerts come in.
      setTimeout(() => {
        fetching = false;
        if (again) { again = false; refresh(); }
      }, 2000);
    }
  };
  for (const ending of ["focusout", "pointerout", "selectionchange"]) {
    document.addEventListener(ending, () => { if (waiting.size) setTimeout(() => showWaiting(false), 300); });
  }

  let stream = null;
  let retry = null;
  let delay = 1000;
  const close = () => {
    clearTimeout(retry);
    stream?.close();
    stream = null;
  };
  function signedOut() {
    close();
    pause.hidden = true;
    tell("Signed out. Reload the page to sign in again; what you have written here stays until then.", true);
  }
  const isOurs = (news) => !body.dataset.incident || news.production || news.incidents.includes(body.dataset.incident);
  const open = () => {
    close();
    stream = new EventSource(`/events?after=${known}`);
    stream.addEventListener("open", () => {
      delay = 1000;
      lastHeard = clock();
      tell("Live", false);
    });
    stream.addEventListener("changed", (event) => {
      lastHeard = clock();
      known = Math.max(known, Number(event.lastEventId));
      if (isOurs(JSON.parse(event.data))) refresh();
    });
    stream.addEventListener("error", async () => {
      close();
      tell(`Not live since ${lastHeard}: connecting again.`, true);
      const answer = await fetch("/events?probe=1", { cache: "no-store" }).catch(() => null);
      if (answer?.status === 401) { signedOut(); return; }
      retry = setTimeout(open, delay);
      delay = Math.min(delay * 2, 15000);
    });
  };
  pause.addEventListener("click", () => {
    const isPaused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(isPaused));
    if (isPaused) {
      close();
      tell(`Paused at ${clock()}: what happens since then is not shown.`, true);
    } else {
      open();
      refresh();
    }
  });
  // A browser gives six connections to all pages of a server together: one that nobody looks at leaves its own.
  document.addEventListener("visibilitychange", () => {
    if (pause.getAttribute("aria-pressed") === "true") return;
    if (document.hidden) close(); else { open(); refresh(); }
  });

  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => { if (event.persisted) { open(); refresh(); } });

  pause.hidden = false;
  setInterval(tick, 5000);
  open();
})();

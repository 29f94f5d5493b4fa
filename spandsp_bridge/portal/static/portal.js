// What htmx does not do: live news, dropped files, the viewer's keys, folds on small screens.
"use strict";

// ---- live news: each piece is HTML with an id that says what it replaces --------------------------
document.querySelectorAll("[data-live]").forEach((place) => {
  const source = new EventSource(place.dataset.live);
  source.addEventListener("fax", (event) => {
    if (place.dataset.reload) return location.reload();
    const template = document.createElement("template");
    template.innerHTML = event.data;
    const fresh = template.content.firstElementChild;
    const old = document.getElementById(fresh.id);
    if (old) old.replaceWith(fresh);
    else place.querySelector("#rows")?.prepend(fresh);
  });
  source.addEventListener("end", () => {
    source.close();
    if (place.dataset.reloadAtEnd) location.reload();
  });
  addEventListener("pagehide", () => source.close());
});

// ---- files dropped on the form -----------------------------------------------------------------------
document.querySelectorAll("[data-drop]").forEach((place) => {
  const input = place.querySelector("input[type=file]");
  const over = (event, on) => { event.preventDefault(); place.classList.toggle("over", on); };
  place.addEventListener("dragover", (event) => over(event, true));
  place.addEventListener("dragleave", (event) => over(event, false));
  place.addEventListener("drop", (event) => {
    over(event, false);
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
});

// ---- the viewer ----------------------------------------------------------------------------------------
const viewer = document.querySelector(".viewer");
if (viewer) {
  const image = viewer.querySelector("img");
  const pages = Number(viewer.dataset.pages);
  let page = 1, zoom = 0, turn = 0;
  const show = () => {
    const source = `${viewer.dataset.source}${page}.png?width=1728`;
    if (!image.src.endsWith(source)) image.src = source;
    image.alt = image.alt.replace(/\d+/, page);
    image.className = `paper zoom-${zoom} turn-${turn}`;
    viewer.querySelector("[data-page]").textContent = page;
  };
  const acts = {
    previous: () => { page = Math.max(1, page - 1); },
    next: () => { page = Math.min(pages, page + 1); },
    out: () => { zoom = Math.max(0, zoom - 1); },
    in: () => { zoom = Math.min(5, zoom + 1); },
    turn: () => { turn = (turn + 1) % 4; },
  };
  const keys = { ArrowLeft: "previous", PageUp: "previous", ArrowRight: "next", PageDown: "next",
                 "-": "out", "+": "in", "=": "in", r: "turn", R: "turn" };
  viewer.querySelectorAll("[data-do]").forEach((button) =>
    button.addEventListener("click", () => { acts[button.dataset.do](); show(); }));
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !(event.key in keys)) return;
    event.preventDefault();
    acts[keys[event.key]]();
    show();
  });
  show();
}

// ---- the menu and the filters: open where there is room ---------------------------------------------------
document.querySelectorAll("[data-fold]").forEach((fold) => {
  const small = matchMedia("(max-width: 56rem)");
  const fit = () => { fold.open = !small.matches || fold.dataset.fold === "no"; };
  small.addEventListener("change", fit);
  fit();
});

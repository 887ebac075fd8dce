// Small conveniences; every page works without them.
"use strict";
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
// What is wrong with a form, or what was done, is read first. Most browsers do that themselves, before the first frame.
window.addEventListener("load", () => requestAnimationFrame(() => {
  if (document.activeElement === document.body) document.querySelector("main [autofocus]")?.focus();
}));
// What is wrong leads into its field, also into one of a group or one that is folded away.
for (const link of document.querySelectorAll(".problems a")) {
  link.addEventListener("click", (event) => {
    const place = document.getElementById(decodeURIComponent(link.hash.slice(1)));
    const fields = "input:not([type=hidden]), select, textarea";
    const field = place?.matches(fields) ? place : place?.querySelector(fields);
    if (!field) return;
    event.preventDefault();
    for (let one = field.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
    field.focus();
  });
}
// A form that is sent twice by a double click is sent once. One that brings a file leaves the page as it is, and one that
// only looks may do so in another window: their buttons go on working.
for (const form of document.querySelectorAll("form[method=post]:not([data-file], [data-look])")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
// Whoever types uses the session, though nothing is sent for an hour: what is typed must not be lost to its end.
const TOUCH_MS = 4 * 60 * 1000;
let touched = -TOUCH_MS;
document.addEventListener("input", () => {
  if (performance.now() - touched < TOUCH_MS || !window.location.pathname.startsWith("/s/")) return;
  touched = performance.now();
  fetch(document.querySelector("link[rel=stylesheet]").href, { cache: "no-store" }).catch(() => {});
});
// A page that the browser kept is out of date: it could show what was revoked since, and its forms are used up.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) window.location.reload();
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

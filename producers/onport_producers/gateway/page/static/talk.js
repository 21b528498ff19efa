// What the page says beside the picture, and asks before it does something.

import { byId, setText } from "./dom.js";

const SAID_FOR_MS = 6_000;
let timer = 0;

export function toast(text, level = "good") {
  const element = byId("toast");
  setText(element, text);
  element.dataset.level = level;
  element.classList.add("is-said");
  clearTimeout(timer);
  timer = setTimeout(() => element.classList.remove("is-said"), SAID_FOR_MS);
}

export function confirmed(title, text, yes) {
  setText(byId("confirm-title"), title);
  setText(byId("confirm-text"), text);
  setText(byId("confirm-yes"), yes);
  return asked(byId("confirm"));
}

// Enter answers yes; what cancels is no way to send the form.
for (const button of document.querySelectorAll("dialog [type=button]")) {
  button.addEventListener("click", () => button.closest("dialog").close(""));
}

// Opens a dialog; resolves to whether it was answered with yes.
export function asked(dialog) {
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

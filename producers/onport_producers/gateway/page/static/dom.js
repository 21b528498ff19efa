// Making elements and keeping them up to date. Text is only ever set as text: keys, answers and reasons come from others.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

// An element with its attributes, its listeners (on...) and its children: elements or texts.
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// What has not changed is left alone: a selection in it stays, a screen reader keeps quiet.
export function setText(element, text) {
  const wanted = text ?? "";
  if (element.textContent !== wanted) element.textContent = wanted;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

export function show(element, isShown) {
  if (element.hidden === isShown) element.hidden = !isShown;
}

// A parent's children, one for each item: kept by key, so that what has the focus keeps it.
export class Rows {
  #rows = new Map();

  constructor(parent, keyOf, make) {
    this.parent = parent;
    this.keyOf = keyOf;
    this.make = make;
  }

  update(items) {
    const wanted = new Map(items.map((item) => [this.keyOf(item), item]));
    for (const [key, row] of this.#rows) {
      if (wanted.has(key)) continue;
      row.element.remove();
      this.#rows.delete(key);
    }
    let place = this.parent.firstElementChild;
    for (const [key, item] of wanted) {
      if (!this.#rows.has(key)) this.#rows.set(key, this.make(item));
      const { element, update } = this.#rows.get(key);
      if (element === place) place = place.nextElementSibling;
      else this.parent.insertBefore(element, place);
      update?.(item);
    }
  }
}

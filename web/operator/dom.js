const { document } = globalThis;
const SVG = 'http://www.w3.org/2000/svg';

export const element = (id) => document.getElementById(id);

/** Makes an element of texts and other elements; nothing that comes from outside becomes markup. */
export function make(name, properties, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

export function draw(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** A name that somebody else chose: its writing direction ends with it. */
export const named = (text) => make('bdi', {}, text);

/** Writes only what changed, so that a selection stays, and readers of the screen have nothing to say. */
export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function show(node, isShown) {
  if (node.hidden === isShown) node.hidden = !isShown;
}

/** A button that waits for an answer keeps its focus, and does nothing meanwhile. */
export function setBusy(button, isBusy) {
  button.setAttribute('aria-disabled', String(isBusy));
}

export const isBusy = (button) => button.getAttribute('aria-disabled') === 'true';

/** Rows by key: a row whose item is still there stays as it is, with its focus and its selection. */
export class KeyedList {
  #parent;
  #key;
  #create;
  #refuge;
  #rows = new Map();

  /** @param create makes a row: `element` and `update`. @param refuge gets the focus of the last row that goes. */
  constructor(parent, { key, create, refuge }) {
    this.#parent = parent;
    this.#key = key;
    this.#create = create;
    this.#refuge = refuge;
  }

  update(items) {
    const wanted = new Set(items.map(this.#key));
    for (const [key, row] of this.#rows) if (!wanted.has(key)) this.#remove(key, row);
    items.forEach((item, i) => {
      const row = this.#rows.get(this.#key(item)) ?? this.#create(item);
      this.#rows.set(this.#key(item), row);
      row.update(item);
      const there = this.#parent.children[i];
      if (there !== row.element) this.#parent.insertBefore(row.element, there ?? null);
    });
  }

  #remove(key, row) {
    const hadFocus = row.element.contains(document.activeElement);
    const neighbour = row.element.nextElementSibling ?? row.element.previousElementSibling;
    row.element.remove();
    this.#rows.delete(key);
    if (hadFocus) (neighbour?.querySelector('button:enabled') ?? this.#refuge).focus();
  }
}

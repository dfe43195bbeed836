// The qualities of a stream as the controls expect them: a list like the browser's own track lists.

export class RenditionList extends EventTarget {
  #selected = -1;
  length = 0;

  /** What is done when a quality is chosen: gets its index, or -1 for "automatic". */
  choose = () => {};

  add(rendition) {
    this[this.length++] = rendition;
    this.dispatchEvent(Object.assign(new Event("addrendition"), { rendition }));
  }

  clear() {
    while (this.length) {
      const rendition = this[--this.length];
      delete this[this.length];
      this.dispatchEvent(Object.assign(new Event("removerendition"), { rendition }));
    }
    this.#selected = -1;
  }

  get selectedIndex() {
    return this.#selected;
  }

  set selectedIndex(index) {
    if (index === this.#selected) return;
    this.#selected = index;
    this.choose(index);
    this.dispatchEvent(new Event("change"));
  }

  [Symbol.iterator]() {
    return Array.prototype[Symbol.iterator].call(this);
  }
}

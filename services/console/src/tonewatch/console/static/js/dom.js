// Building the page. Text only ever enters as text nodes and attributes, never as markup.

export const byId = (id) => document.getElementById(id);

/** An element with properties (class, attributes, on...) and children (elements or text). */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name === "className" ? "class" : name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Show text in an element, or hide the element if there is none. */
export function say(element, text) {
  element.textContent = text || "";
  element.hidden = !text;
}

/** A coloured dot with the name beside it: colour is never the only signal. */
export function emotionMark(emotion, name) {
  return el("span", { className: "mark" }, el("i", { className: `dot emotion-${emotion}` }), name);
}

/** Labels of a call as small chips. */
export function labelChips(labels, nameOf) {
  return Object.entries(labels || {}).map(([name, value]) =>
    el("li", { className: "chip" }, el("b", {}, nameOf(name)), " ", value),
  );
}

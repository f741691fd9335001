// Drawings: elements of SVG, and a frame that is drawn anew whenever its width changes.

const SPACE = "http://www.w3.org/2000/svg";

export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS(SPACE, tag);
  for (const [name, value] of Object.entries(properties)) if (value !== null && value !== undefined) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Fill `root` with what `draw(width)` gives, now and when it gets another width; returns a function that ends it. */
export function drawnIn(root, draw) {
  let width = 0;
  const look = () => {
    if (!root.clientWidth || root.clientWidth === width) return;
    width = root.clientWidth;
    root.replaceChildren(draw(width));
  };
  const observer = new ResizeObserver(look);
  observer.observe(root);
  look();
  return () => observer.disconnect();
}

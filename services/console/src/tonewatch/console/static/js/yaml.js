// Rules as YAML: written from data, and changed key by key, so that all else stays as it was written.

import { Document, isMap, isScalar, isSeq, parseDocument, visit } from "../vendor/yaml-2.9.1.min.js";

// the service reads YAML 1.1, to which "on" and "1:30" are no texts
const VERSION = { version: "1.1" };
const STYLE = { lineWidth: 0, flowCollectionPadding: false };

const onOneLine = (list) => {
  if (list.items.every(isScalar)) list.flow = true;
};

/** Plain data as YAML; lists of scalars stay on one line. */
export function yaml(value) {
  const document = new Document(value, VERSION);
  visit(document, { Seq: (_, list) => onOneLine(list) });
  return document.toString(STYLE).trimEnd();
}

/** The keys of a rule's text, to read and to change. */
export class RuleText {
  /** @throws if the text is no YAML, or is no map of keys. */
  constructor(text) {
    this.document = parseDocument(text, VERSION);
    if (this.document.errors.length || !isMap(this.document.contents)) throw new Error("no keys can be read here");
  }

  has(key) {
    return this.document.has(key);
  }

  /** Plain data below a path of keys; undefined if there is none. */
  read(path) {
    const node = this.document.getIn(path, true);
    return isMap(node) || isSeq(node) || isScalar(node) ? node.toJS(this.document) : undefined;
  }

  /** Set what is below a path; null removes it. */
  write(path, value) {
    if (value === null) {
      if (this.document.hasIn(path)) this.document.deleteIn(path);
      return;
    }
    const node = this.document.createNode(value);
    if (isSeq(node)) onOneLine(node);
    const former = this.document.getIn(path, true);
    if (isScalar(former) && isScalar(node)) former.value = value; // and its comment stays
    else this.document.setIn(path, node);
  }

  toString() {
    return this.document.toString(STYLE);
  }
}

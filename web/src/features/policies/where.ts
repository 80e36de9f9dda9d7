// Where in a policy's YAML a position is: the keys that lead to it, and whether a key or a value stands there.
// Reads the language's own subset (docs/policy.md): no anchors, no tags, no block texts; half-typed lines are
// what it is for, so it goes by indentation and brackets and refuses nothing.
export type Where = {
  kind: string; // of the document: base, delta, exception, or "" before it is said
  path: string[]; // keys from the document down to the map; items of lists do not count
  key: string | null; // whose value is at the position; null where a key is expected
  siblings: string[]; // keys of the same map in front of the position
};
type Frame = { indent: number; key: string; siblings: string[] };
type Flow = { map: boolean; key: string | null; siblings: string[] };

const lineKey = /^([A-Za-z0-9_-]+):(?=\s|$)/;

function unquoted(text: string): string {
  return text.trim().replace(/^["']|["']$/g, "");
}

/** Goes on inside braces and brackets; answers what is open at the end. */
function scanFlow(text: string, open: Flow[]): void {
  let word = "";
  for (let i = 0; i < text.length; i++) {
    const one = text.charAt(i);
    const top = open.at(-1);
    if (one === '"' || one === "'") {
      const end = text.indexOf(one, i + 1);
      word += text.slice(i, end < 0 ? text.length : end + 1);
      i = end < 0 ? text.length : end;
    } else if (one === "{" || one === "[") {
      open.push({ map: one === "{", key: null, siblings: [] });
      word = "";
    } else if (one === "}" || one === "]") {
      open.pop();
      word = "";
      if (open.length === 0) return;
    } else if (
      one === ":" &&
      top?.map === true &&
      top.key === null &&
      /[\s,{[]|^$/.test(text.charAt(i + 1))
    ) {
      top.key = unquoted(word);
      top.siblings.push(top.key);
      word = "";
    } else if (one === "," && top !== undefined) {
      top.key = null;
      word = "";
    } else if (one === "#" && /\s$/.test(word)) return;
    else word += one;
  }
}

class Reader {
  private readonly frames: Frame[] = [];
  private flow: Flow[] = [];
  private value = false; // the line so far ends behind "key:"
  private column = 0;

  line(text: string): void {
    this.value = false;
    if (this.flow.length > 0) {
      scanFlow(text, this.flow);
      return;
    }
    let rest = text;
    let at = /^ */.exec(rest)?.[0].length ?? 0;
    rest = rest.slice(at);
    while (/^-(\s|$)/.test(rest)) {
      // An item of a list begins a map of its own: what stood at this depth is over.
      this.close(at + 1);
      const gap = /^-\s*/.exec(rest)?.[0].length ?? 1;
      at += gap;
      rest = rest.slice(gap);
    }
    this.column = at;
    if (rest.startsWith("#") || rest === "") return;
    const key = lineKey.exec(rest)?.[1];
    if (key !== undefined) {
      const old = this.close(at);
      this.frames.push({ indent: at, key, siblings: [...(old?.siblings ?? []), key] });
      rest = rest.slice(key.length + 1);
      this.value = true;
    }
    const value = rest.trimStart();
    if (value.startsWith("{") || value.startsWith("[")) scanFlow(value, this.flow);
  }

  /** Leaves everything at this indentation or deeper; answers the map's last key that stood exactly here. */
  private close(indent: number): Frame | undefined {
    let same: Frame | undefined;
    for (let top = this.frames.at(-1); top !== undefined && top.indent >= indent; top = this.frames.at(-1)) {
      same = top.indent === indent ? top : undefined;
      this.frames.pop();
    }
    return same;
  }

  where(kind: string): Where {
    if (this.flow.length > 0 || this.value) return this.inside(kind);
    const here = this.close(this.column);
    return { kind, path: this.frames.map(({ key }) => key), key: null, siblings: here?.siblings ?? [] };
  }

  private inside(kind: string): Where {
    const path = this.frames.map(({ key }) => key);
    for (const { map, key } of this.flow.slice(0, -1)) if (map && key !== null) path.push(key);
    const top = this.flow.at(-1);
    if (top?.map === true && top.key === null) return { kind, path, key: null, siblings: top.siblings };
    if (top?.map === true) return { kind, path, key: top.key, siblings: [] };
    return { kind, path: path.slice(0, -1), key: path.at(-1) ?? null, siblings: [] };
  }
}

/** The part of a text of several documents that the position is in. */
function documentAround(text: string, position: number): { start: number; end: number } {
  let start = 0;
  let end = text.length;
  for (const { index } of text.matchAll(/^---.*$/gm)) {
    if (index < position) start = text.indexOf("\n", index) + 1 || text.length;
    else end = Math.min(end, index);
  }
  return { start: Math.min(start, position), end };
}

export function whereIs(text: string, position: number): Where {
  const { start, end } = documentAround(text, position);
  const kind = /^kind:\s*([a-z]+)/m.exec(text.slice(start, end))?.[1] ?? "";
  const reader = new Reader();
  for (const line of text.slice(start, position).split("\n")) reader.line(line);
  return reader.where(kind);
}

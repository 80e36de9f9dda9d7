// Names that guests made, for people to read: what would hide, reorder or imitate text is written out.
// Control and format characters, line separators, private and unassigned ones, surrogates, and letters of
// no width (Hangul fillers, variation selectors, the grapheme joiner).
const hidden =
  /[\p{C}\p{Zl}\p{Zp}]|\u115f|\u1160|\u3164|\uffa0|\u034f|\u17b4|\u17b5|\p{Variation_Selector}/gu;

export function visible(text: string): string {
  return text.replace(hidden, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`);
}

import { remove, send } from "../../api/client";
import { TokenMade } from "../../api/generated/parsers";
import type { Schemas } from "../../api/queries";
import type { Role } from "../../app/roles";
import type { Tone } from "../../ui/Badge";

export type Token = Schemas["Token"];
export type ApiTokenDraft = { name: string; role: Role; ttl_s?: number };

export const stateTone: Record<Token["state"], Tone> = {
  active: "good",
  used: "plain",
  expired: "plain",
  revoked: "bad",
};

export const lifetimes: [string, number][] = [
  ["30 days", 30 * 86_400],
  ["90 days", 90 * 86_400],
  ["1 year", 366 * 86_400],
];

export const makeApiToken = (draft: ApiTokenDraft): Promise<Schemas["TokenMade"]> =>
  send(TokenMade, "POST", "/tokens", { kind: "api", ...draft });
export const revokeToken = (id: string) => remove(`/tokens/${encodeURIComponent(id)}`);

/** What becomes of whoever uses it, for the question before it is revoked. */
export function consequence(token: Token): string {
  if (token.kind === "api")
    return "Whoever uses it is refused from the next request on. This cannot be undone.";
  const left = token.uses_left ?? 0;
  return `${left === 1 ? "The device" : `The ${left} devices`} that could still join with it cannot any more. Devices that have joined stay.`;
}

import * as v from "valibot";
import { remove, send } from "../../api/client";
import { Totp } from "../../api/generated/parsers";

/** Shows again who one is: for five minutes then the second factor can be changed. */
export const prove = (password: string, code: string): Promise<unknown> =>
  send(v.undefined(), "POST", "/session/proof", code === "" ? { password } : { password, code });

/** Starts a second factor: what the authenticator is told. Nothing changes until a code has confirmed it. */
export async function startFactor(): Promise<{ secret: string; uri: string }> {
  const { secret, uri } = await send(Totp, "POST", "/me/totp", {});
  if (secret === undefined || uri === undefined) throw new Error("The server gave no secret.");
  return { secret, uri };
}

/** Confirms it; gives the recovery codes, this once. */
export async function confirmFactor(code: string): Promise<string[]> {
  return (await send(Totp, "POST", "/me/totp", { code })).recovery_codes ?? [];
}

export const removeFactor = () => remove("/me/totp");

/** Base32 in groups of four, as one types it. */
export function grouped(secret: string): string {
  return (secret.match(/.{1,4}/g) ?? []).join(" ");
}

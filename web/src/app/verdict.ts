// A verdict in a word and its colour. Audit events were let through: their verdict is what would have been.
import type { Schemas } from "../api/queries";
import type { Tone } from "../ui/Badge";

type Decision = Pick<Schemas["Event"], "verdict" | "audit">;

const words: Record<string, string> = {
  deny: "refused",
  hide: "hidden",
  terminate: "ended the VM",
  allow: "allowed",
};

export function verdictWord({ verdict, audit }: Decision): string {
  return audit ? "recorded" : (words[verdict] ?? verdict);
}

export function verdictTone({ verdict, audit }: Decision): Tone {
  if (audit) return "warn";
  return verdict === "allow" ? "good" : verdict === "hide" ? "plain" : "bad";
}

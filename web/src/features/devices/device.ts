// What a device's state means, in a word and a sentence.
import type { Schemas } from "../../api/queries";
import type { Tone } from "../../ui/Badge";

type Device = Schemas["Device"];

export const stateTone: Record<Device["state"], Tone> = {
  connected: "good",
  offline: "plain",
  waiting: "warn",
  quarantined: "bad",
  revoked: "bad",
  retired: "plain",
};

export type PolicyState = { word: string; tone: Tone; sentence: string };

/** Where the group's newest policy is with this device: desired, received, applied or failed. */
export function policyState(policy: Device["policy"]): PolicyState {
  const { desired, received, applied, failed } = policy;
  if (desired === null)
    return { word: "no policy", tone: "warn", sentence: "Its group has no policy: every task is refused." };
  const newest = `serial ${desired.serial}`;
  if (applied?.serial === desired.serial)
    return { word: `${newest} applied`, tone: "good", sentence: "It enforces its group’s newest policy." };
  if (failed?.serial === desired.serial)
    return {
      word: `${newest} failed`,
      tone: "bad",
      sentence: `It could not apply ${newest}: ${failed.reason}`,
    };
  if (received?.serial === desired.serial)
    return {
      word: `${newest} received`,
      tone: "info",
      sentence: `It has ${newest} and has not applied it yet.`,
    };
  const old = applied === null ? "nothing yet" : `serial ${applied.serial}`;
  return {
    word: `${newest} on its way`,
    tone: "info",
    sentence: `It should enforce ${newest}, and enforces ${old}.`,
  };
}

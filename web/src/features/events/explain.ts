// An event in words: who tried what, what was said to it, by which rule of which policy, and where it stopped.
import type { Schemas } from "../../api/queries";
import { visible } from "../../ui/visible";

type Event = Schemas["Event"];

const operations: Record<string, string> = {
  "file open": "open the file",
  "file read": "read the file",
  "file write": "write to the file",
  "file list": "list the folder",
  "file stat": "look at the file",
  "file create": "create the file",
  "file unlink": "remove the file",
  "file rename": "rename the file",
  "net connect": "connect to",
  "dns resolve": "look up the name",
  "msr write": "write the CPU register (MSR)",
  "msr read": "read the CPU register (MSR)",
  "mmio write": "write device memory at",
  "mmio read": "read device memory at",
  "port write": "write to the I/O port",
  "port read": "read from the I/O port",
  "hypercall call": "make the hypercall",
};

function attempt(event: Event): string {
  if (event.class === "machine") return `The micro-VM itself had the incident “${visible(event.path)}”.`;
  const who = event.program === "" ? "The task" : `The program ${visible(event.program)}`;
  const what = operations[`${event.class} ${event.operation}`] ?? `do “${event.class} ${event.operation}” on`;
  const whose = event.user === "" ? "" : `, started by ${visible(event.user)},`;
  return `${who}${whose} tried to ${what} ${visible(event.path)}.`;
}

function answer(event: Event): string {
  const rule = event.rule === "" ? "no rule spoke of it" : `the rule “${visible(event.rule)}” matched`;
  if (event.audit) return `It was let go on and recorded only: ${rule}, in audit mode.`;
  switch (event.verdict) {
    case "deny":
      return `It was refused: ${rule}${event.rule === "" ? ", and what no rule allows is refused" : ""}.`;
    case "hide":
      return `It was told that there is no such thing: ${rule}${event.rule === "" ? ", and what no rule names does not exist in the micro-VM" : ""}.`;
    case "terminate":
      return `The micro-VM was ended for it: ${rule}.`;
    default:
      return `The verdict was “${visible(event.verdict)}”: ${rule}.`;
  }
}

function where(event: Event): string {
  const policy =
    event.policy.id === ""
      ? "No policy was in force."
      : `The policy in force was “${visible(event.policy.id)}”, serial ${event.policy.serial}.`;
  const exit =
    event.exit_reason === ""
      ? ""
      : ` The access was stopped in the VM exit “${visible(event.exit_reason)}”, with the guest at ${event.guest_rip}.`;
  return policy + exit;
}

export function explain(event: Event): string[] {
  const lines = [attempt(event), answer(event), where(event)];
  if (event.count > 1) lines.push(`It happened ${event.count} times in short order and is told as one.`);
  if (event.dropped > 0)
    lines.push(`${event.dropped} earlier events of this device were lost: its queue was full.`);
  return lines;
}

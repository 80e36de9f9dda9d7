// What the overview says in words, worked out of its figures.
import type { Schemas } from "../../api/queries";

type Overview = Schemas["Overview"];

export type Step = {
  done: boolean;
  title: string;
  text: string;
  command?: string;
  to?: "/images" | "/documents" | "/devices/enrol";
};

const devices = (figures: Overview) =>
  figures.devices.connected + figures.devices.offline + figures.devices.revoked;

/** What an empty installation needs, in order; nothing once the first device is there. */
export function firstSteps(figures: Overview): Step[] {
  if (devices(figures) > 0) return [];
  return [
    {
      done: figures.has.image_keys > 0,
      title: "Trust the builder of your golden images",
      text: "Devices start micro-VMs only from images whose builder you trust.",
      to: "/images",
    },
    {
      done: figures.has.images > 0,
      title: "Push a golden image",
      text: "From the machine that built it:",
      command: "ampoulectl image push build/images/debian-docs",
    },
    {
      done: figures.has.policies > 0,
      title: "Write a policy",
      text: "It says which programs run in which micro-VM, and what each may reach.",
      to: "/documents",
    },
    {
      done: false,
      title: "Enrol the first device",
      text: "A one-time token joins it to a group; the page shows it appear.",
      to: "/devices/enrol",
    },
  ];
}

/** Devices that enforce their group's newest policy, of those that should; null without any. */
export function coverage(figures: Overview): number | null {
  const { applied, pending, failed, none } = figures.policies;
  const all = applied + pending + failed + none;
  return all === 0 ? null : Math.floor((applied / all) * 100);
}

export function hourLabel(iso: string): string {
  return new Date(iso).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
}

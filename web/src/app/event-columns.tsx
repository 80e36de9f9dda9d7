import { Link } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import type { Schemas } from "../api/queries";
import { Badge } from "../ui/Badge";
import { Guest } from "../ui/Guest";
import { Time } from "../ui/Time";
import { verdictTone, verdictWord } from "./verdict";

type Event = Schemas["Event"];

/** The columns of every table of events. */
export const eventColumns: ColumnDef<Event>[] = [
  {
    header: "When",
    size: 150,
    cell: ({ row: { original: event } }) => (
      <Link to="/events/$cursor" params={{ cursor: event.cursor }}>
        <Time at={event.received_at} />
      </Link>
    ),
  },
  {
    header: "Verdict",
    size: 140,
    cell: ({ row: { original: event } }) => <Badge tone={verdictTone(event)}>{verdictWord(event)}</Badge>,
  },
  {
    header: "Access",
    size: 120,
    cell: ({ row: { original: event } }) => `${event.class} ${event.operation}`,
  },
  { header: "Object", size: 300, cell: ({ row }) => <Guest path text={row.original.path} /> },
  { header: "Rule", size: 150, cell: ({ row }) => <Guest text={row.original.rule} none="no rule" /> },
  { header: "Task", size: 90, cell: ({ row }) => <Guest text={row.original.task} /> },
  { header: "User", size: 100, cell: ({ row }) => <Guest text={row.original.user} /> },
  {
    header: "Device",
    size: 150,
    cell: ({ row: { original: event } }) => (
      <Link to="/devices/$id" params={{ id: event.device.id }}>
        <Guest text={event.device.hostname} none="(no name)" />
      </Link>
    ),
  },
  { header: "Times", size: 60, cell: ({ row }) => (row.original.count > 1 ? `× ${row.original.count}` : "") },
];

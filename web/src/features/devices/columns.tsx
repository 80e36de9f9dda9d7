import type { ColumnDef } from "@tanstack/react-table";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../../api/queries";
import { Badge } from "../../ui/Badge";
import { Guest } from "../../ui/Guest";
import { Time } from "../../ui/Time";
import { policyState, stateTone } from "./device";

type Device = Schemas["Device"];

export const columns: ColumnDef<Device>[] = [
  {
    header: "Host",
    size: 220,
    cell: ({ row: { original: device } }) => (
      <Link to="/devices/$id" params={{ id: device.id }}>
        <Guest text={device.hostname} none="(no name)" />
      </Link>
    ),
  },
  {
    header: "State",
    size: 120,
    cell: ({ row: { original: device } }) => <Badge tone={stateTone[device.state]}>{device.state}</Badge>,
  },
  {
    header: "Policy",
    size: 150,
    cell: ({ row: { original: device } }) => {
      const state = policyState(device.policy);
      return (
        <Badge tone={state.tone} title={state.sentence}>
          {state.word}
        </Badge>
      );
    },
  },
  {
    header: "Isolation",
    size: 110,
    cell: ({ row: { original: device } }) =>
      device.isolation ? <Badge tone="good">works</Badge> : <Badge tone="bad">none</Badge>,
  },
  { header: "Group", size: 120, cell: ({ row }) => row.original.group },
  { header: "Last seen", size: 130, cell: ({ row }) => <Time at={row.original.last_seen} /> },
  { header: "Version", size: 110, cell: ({ row }) => <Guest text={row.original.version} /> },
];

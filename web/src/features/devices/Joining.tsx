import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { Schemas } from "../../api/queries";
import { Copy } from "../../ui/Copy";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Notice } from "../../ui/Notice";
import { Panel } from "../../ui/Panel";
import { columns } from "./columns";
import { command, joinedQuery, type Draft } from "./enrolment";

type Props = { made: Schemas["TokenMade"]; draft: Draft };

/** The token, this once; and the devices that join with it, as they do. */
export function Joining({ made, draft }: Props) {
  const joined = useQuery(joinedQuery(made.id));
  const rows = joined.data?.devices;
  const all = rows !== undefined && rows.length >= draft.uses;
  return (
    <div className="stack">
      <Panel title="1. On the device, as root">
        <code className="command">{command}</code>
        <p className="hint">
          It waits for the token: paste it, press Enter, then Ctrl-D. On a command line others could read it.
        </p>
      </Panel>
      <Panel title="2. The token, shown this once">
        <div className="secret">
          <code aria-label="Token">{made.token}</code>
          <Copy text={made.token} label="Copy the token" />
        </div>
        <p className="hint">
          For the group {draft.group}, {draft.uses === 1 ? "one device" : `up to ${draft.uses} devices`}. It
          names this server and the keys to trust. When it gets lost, revoke it under{" "}
          <Link to="/tokens">Tokens</Link> and make another.
        </p>
      </Panel>
      <Panel title="3. The device appears" flush>
        <div aria-live="polite">
          {all && (
            <Notice
              tone="good"
              title={draft.uses === 1 ? "The device has joined" : "All devices have joined"}
              action={
                <Link to="/devices" className="button">
                  To the devices
                </Link>
              }
            />
          )}
          <DataTable
            label="Devices that joined with this token"
            columns={columns}
            rows={rows}
            rowKey={(device) => device.id}
            error={joined.error}
            onRetry={() => void joined.refetch()}
            empty={
              <Empty title="Waiting for the device">This page looks every few seconds; leave it open.</Empty>
            }
          />
        </div>
      </Panel>
    </div>
  );
}

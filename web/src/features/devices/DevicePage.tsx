import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { deviceQuery, eventsQuery, type Schemas } from "../../api/queries";
import { eventColumns } from "../../app/event-columns";
import { Badge } from "../../ui/Badge";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Facts } from "../../ui/Facts";
import { Failure } from "../../ui/Failure";
import { Guest } from "../../ui/Guest";
import { Notice } from "../../ui/Notice";
import { Page } from "../../ui/Page";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { policyState, stateTone } from "./device";

const route = getRouteApi("/devices/$id");

function PolicyFacts({ device }: { device: Schemas["Device"] }) {
  const { desired, received, applied, failed } = device.policy;
  const version = (serial: number) => (
    <Link to="/policies/$group/$serial" params={{ group: device.group, serial: String(serial) }}>
      serial {serial}
    </Link>
  );
  return (
    <Panel
      title="Policy"
      aside={<Badge tone={policyState(device.policy).tone}>{policyState(device.policy).word}</Badge>}
    >
      <Facts
        facts={[
          ["Desired", desired === null ? "—" : version(desired.serial)],
          [
            "Received",
            received === null ? (
              "never"
            ) : (
              <>
                {version(received.serial)}, <Time at={received.at} />
              </>
            ),
          ],
          [
            "Applied",
            applied === null ? (
              "never"
            ) : (
              <>
                {version(applied.serial)}, <Time at={applied.at} />
              </>
            ),
          ],
          [
            "Failed",
            failed === null ? (
              "never"
            ) : (
              <>
                {version(failed.serial)}: <Guest text={failed.reason} />, <Time at={failed.at} />
              </>
            ),
          ],
          ["Digest in force", <code key="digest">{applied?.digest ?? "—"}</code>],
        ]}
      />
    </Panel>
  );
}

function Health({ device }: { device: Schemas["Device"] }) {
  return (
    <Panel title="Device">
      <Facts
        facts={[
          ["Last seen", <Time key="seen" at={device.last_seen} full />],
          ["Isolation", device.isolation ? "/dev/kvm works" : "/dev/kvm does not work"],
          ["Agent", <Guest key="version" text={device.version} />],
          [
            "Group",
            <Link key="group" to="/devices" search={{ group: device.group }}>
              {device.group}
            </Link>,
          ],
          ["Enrolled", <Time key="enrolled" at={device.enrolled_at} full />],
          ["Certificate until", <Time key="until" at={device.certificate_expires} full />],
          ["Id", <code key="id">{device.id}</code>],
        ]}
      />
    </Panel>
  );
}

function Events({ id }: { id: string }) {
  const events = useQuery(eventsQuery({ device: id, limit: 10 }, true));
  return (
    <Panel
      title="Newest events"
      flush
      aside={
        <Link to="/events" search={{ device: id }}>
          All events
        </Link>
      }
    >
      <DataTable
        label="Newest events of this device"
        columns={eventColumns.filter((column) => column.header !== "Device")}
        rows={events.data?.events}
        rowKey={(event) => event.cursor}
        error={events.error}
        onRetry={() => void events.refetch()}
        empty={<Empty title="It has not refused anything yet" />}
      />
    </Panel>
  );
}

/** One device: its health, its policy, what it refused. */
export function DevicePage() {
  const { id } = route.useParams();
  const query = useQuery(deviceQuery(id));
  const device = query.data;
  if (device === undefined)
    return (
      <Page title="Device">
        {query.error === null ? (
          <p className="muted">Loading …</p>
        ) : (
          <Failure error={query.error} onRetry={() => void query.refetch()} />
        )}
      </Page>
    );
  return (
    <Page
      title={device.hostname}
      heading={
        <>
          <Guest text={device.hostname} none="(no name)" />
          <Badge tone={stateTone[device.state]}>{device.state}</Badge>
        </>
      }
      lead={policyState(device.policy).sentence}
      actions={
        <Link to="/effective" search={{ device: device.id }} className="button">
          What is in force here
        </Link>
      }
    >
      <div className="stack">
        {!device.isolation && device.state !== "revoked" && (
          <Notice tone="bad" title="No isolation here">
            /dev/kvm does not work on this device, so it refuses every task. Switch virtualisation on in its
            firmware, and see that the kvm module is loaded.
          </Notice>
        )}
        <div className="columns">
          <Health device={device} />
          <PolicyFacts device={device} />
        </div>
        <Events id={id} />
      </div>
    </Page>
  );
}

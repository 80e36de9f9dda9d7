import { Link, getRouteApi } from "@tanstack/react-router";
import { CHUNK_ROWS, useLongList } from "../../api/long-list";
import { deviceChunks } from "../../api/queries";
import { Export } from "../../app/Export";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Page } from "../../ui/Page";
import { VirtualTable } from "../../ui/VirtualTable";
import { columns } from "./columns";

const route = getRouteApi("/devices");
const enrol = (
  <Link to="/devices/enrol" className="button primary">
    Enrol a device
  </Link>
);

/** The fleet, page by page. */
export function DevicesPage() {
  const search = route.useSearch();
  const devices = useLongList({
    key: ["devices", search],
    fetch: deviceChunks(search, CHUNK_ROWS),
    idOf: ({ id }) => id,
    live: true,
  });
  const filtered = search.group !== undefined || search.state !== undefined;
  return (
    <Page
      title="Devices"
      lead="What each endpoint should enforce, and what it does enforce."
      actions={
        <>
          <Export name="devices" fetch={deviceChunks(search, 1000)} />
          {enrol}
        </>
      }
    >
      <div className="panel flush">
        <Filters
          values={search}
          fields={[
            {
              name: "state",
              label: "State",
              options: ["connected", "offline", "waiting", "quarantined", "revoked", "retired"],
            },
            { name: "group", label: "Group" },
          ]}
        />
        <VirtualTable
          label="Devices"
          columns={columns}
          rows={devices.rows}
          rowKey={(device) => device.id}
          error={devices.error}
          onRetry={devices.retry}
          more={devices.more}
          onSeen={devices.onSeen}
          empty={
            filtered ? (
              <Empty title="No device is like that" action={<Link to="/devices">Show all devices</Link>} />
            ) : (
              <Empty title="No device yet" action={enrol}>
                A device joins with a token that you make here and that is used once.
              </Empty>
            )
          }
        />
      </div>
    </Page>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link, getRouteApi } from "@tanstack/react-router";
import { devicesQuery } from "../../api/queries";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Filters } from "../../ui/Filters";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
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
  const devices = useQuery(devicesQuery(search));
  const filtered = search.group !== undefined || search.state !== undefined;
  return (
    <Page title="Devices" lead="What each endpoint should enforce, and what it does enforce." actions={enrol}>
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
        <DataTable
          label="Devices"
          columns={columns}
          rows={devices.data?.devices}
          rowKey={(device) => device.id}
          error={devices.error}
          onRetry={() => void devices.refetch()}
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
        <Pager after={search.after} next={devices.data?.next} rows={devices.data?.devices.length ?? 0} />
      </div>
    </Page>
  );
}

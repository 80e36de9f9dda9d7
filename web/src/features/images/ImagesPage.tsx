import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import type { ColumnDef } from "@tanstack/react-table";
import { imagesQuery } from "../../api/queries";
import { Badge } from "../../ui/Badge";
import { DataTable } from "../../ui/DataTable";
import { Empty } from "../../ui/Empty";
import { Page } from "../../ui/Page";
import { Pager } from "../../ui/Pager";
import { Panel } from "../../ui/Panel";
import { Time } from "../../ui/Time";
import { visible } from "../../ui/visible";
import { Builders } from "./Builders";
import { missing, size, total, type Image } from "./image";

const route = getRouteApi("/images");

const columns: ColumnDef<Image>[] = [
  { header: "Name", cell: ({ row }) => <strong>{row.original.name}</strong> },
  { header: "Version", cell: ({ row }) => row.original.version },
  {
    header: "State",
    cell: ({ row: { original: image } }) =>
      image.complete ? (
        <Badge tone="good">complete</Badge>
      ) : (
        <Badge tone="warn">waiting for {missing(image).join(", ")}</Badge>
      ),
  },
  { header: "Size", cell: ({ row }) => size(total(row.original)) },
  {
    header: "Root’s digest",
    cell: ({ row }) => (
      <code className="small">
        {row.original.files.find((one) => one.file === "root")?.digest.slice(0, 16)}…
      </code>
    ),
  },
  { header: "Pushed", cell: ({ row }) => <Time at={row.original.created_at} /> },
  { header: "By", cell: ({ row }) => visible(row.original.created_by) },
];

/** What micro-VMs start from. */
export function ImagesPage() {
  const search = route.useSearch();
  const images = useQuery(imagesQuery(search));
  return (
    <Page
      title="Images"
      lead="What micro-VMs start from. Devices fetch the newest complete version of each image that their policy names."
    >
      <div className="stack">
        <Panel title="Golden images" flush>
          <DataTable
            label="Golden images"
            columns={columns}
            rows={images.data?.images}
            rowKey={(image) => `${image.name}/${image.version}`}
            error={images.error}
            onRetry={() => void images.refetch()}
            empty={
              <Empty title="No image yet">
                Push one from the machine that built it:{" "}
                <code>ampoulectl image push build/images/debian-docs</code>
              </Empty>
            }
          />
          <Pager after={search.after} next={images.data?.next} rows={images.data?.images.length ?? 0} />
        </Panel>
        <Builders />
      </div>
    </Page>
  );
}

import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { overviewQuery, type Schemas } from "../../api/queries";
import { Badge } from "../../ui/Badge";
import { Bars } from "../../ui/Bars";
import { Failure } from "../../ui/Failure";
import { Page } from "../../ui/Page";
import { Panel } from "../../ui/Panel";
import { coverage, firstSteps, hourLabel } from "./figures";
import { FirstSteps } from "./FirstSteps";
import { Ranking } from "./Ranking";
import "./overview.css";

const number = (n: number) => n.toLocaleString("en");

function Figure({ name, value, children }: { name: string; value: ReactNode; children: ReactNode }) {
  return (
    <div className="panel figure">
      <h2>{name}</h2>
      <p className="value">{value}</p>
      <div className="beside">{children}</div>
    </div>
  );
}

function Figures({ figures }: { figures: Schemas["Overview"] }) {
  const { devices, policies, accesses } = figures;
  const covered = coverage(figures);
  const refused = accesses.hours.reduce((sum, hour) => sum + hour.refused, 0);
  const recorded = accesses.hours.reduce((sum, hour) => sum + hour.recorded, 0);
  return (
    <div className="figures">
      <Figure
        name="Devices connected"
        value={
          <Link to="/devices" search={{ state: "connected" }}>
            {number(devices.connected)}
          </Link>
        }
      >
        <Link to="/devices" search={{ state: "offline" }}>
          <Badge>{number(devices.offline)} offline</Badge>
        </Link>
        {devices.without_isolation > 0 && (
          <Badge tone="bad">{number(devices.without_isolation)} without isolation</Badge>
        )}
      </Figure>
      <Figure
        name="Newest policy in force"
        value={<Link to="/devices">{covered === null ? "—" : `${covered} %`}</Link>}
      >
        {policies.pending > 0 && <Badge tone="info">{number(policies.pending)} on their way</Badge>}
        {policies.failed > 0 && <Badge tone="bad">{number(policies.failed)} failed</Badge>}
        {policies.none > 0 && <Badge tone="warn">{number(policies.none)} without a policy</Badge>}
        {covered === 100 && <Badge tone="good">all devices</Badge>}
      </Figure>
      <Figure
        name="Accesses refused, 24 h"
        value={
          <Link to="/events" search={{ verdict: "deny" }}>
            {number(refused)}
          </Link>
        }
      >
        {recorded > 0 && <Badge tone="warn">{number(recorded)} recorded by audit rules</Badge>}
        {refused === 0 && recorded === 0 && <span className="muted">none at all</span>}
      </Figure>
    </div>
  );
}

function Accesses({ accesses }: { accesses: Schemas["Overview"]["accesses"] }) {
  return (
    <>
      <Panel title="Refused accesses by hour" aside={<span className="muted small">your local time</span>}>
        <Bars
          solid="refused"
          hollow="recorded only"
          bars={accesses.hours.map((hour) => ({
            label: hourLabel(hour.at),
            solid: hour.refused,
            hollow: hour.recorded,
          }))}
        />
      </Panel>
      <div className="columns">
        <Ranking
          title="Rules that said no most often"
          entries={accesses.rules.map((rule) => ({
            ...rule,
            key: rule.rule,
            text: rule.rule === "" ? "no rule matched" : rule.rule,
            search: rule.rule === "" ? null : { rule: rule.rule },
          }))}
        />
        <Ranking
          title="Devices with the most"
          entries={accesses.devices.map((device) => ({
            ...device,
            key: device.id,
            text: device.hostname,
            search: { device: device.id },
          }))}
        />
      </div>
    </>
  );
}

/** Where an admin begins the day: what is there, what was refused, what to do next. */
export function OverviewPage() {
  const overview = useQuery(overviewQuery);
  const figures = overview.data;
  if (figures === undefined)
    return (
      <Page title="Overview">
        {overview.error === null ? (
          <div className="figures" aria-busy="true">
            {["a", "b", "c"].map((key) => (
              <div key={key} className="panel figure waiting">
                <span className="bone" />
              </div>
            ))}
          </div>
        ) : (
          <Failure error={overview.error} onRetry={() => void overview.refetch()} />
        )}
      </Page>
    );
  const steps = firstSteps(figures);
  return (
    <Page title="Overview" lead="What the fleet is, what it enforces, and what micro-VMs were refused.">
      <div className="stack">
        {steps.length > 0 && <FirstSteps steps={steps} />}
        <Figures figures={figures} />
        {steps.length === 0 && <Accesses accesses={figures.accesses} />}
      </div>
    </Page>
  );
}

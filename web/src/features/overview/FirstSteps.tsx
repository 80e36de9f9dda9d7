import { Link } from "@tanstack/react-router";
import { Panel } from "../../ui/Panel";
import type { Step } from "./figures";

type Props = { steps: Step[] };

/** The way from an empty installation to the first protected device. */
export function FirstSteps({ steps }: Props) {
  return (
    <Panel title="What to do next">
      <ol className="steps">
        {steps.map((step) => (
          <li key={step.title} className={step.done ? "done" : undefined}>
            <div>
              <strong>{step.title}</strong>
              {step.done && <span className="sr-only"> (done)</span>}
              <p className="muted">{step.text}</p>
              {step.command !== undefined && !step.done && <code className="command">{step.command}</code>}
            </div>
            {step.to !== undefined && !step.done && (
              <Link to={step.to} className="button">
                Go there
              </Link>
            )}
          </li>
        ))}
      </ol>
    </Panel>
  );
}

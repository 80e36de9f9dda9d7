type Bar = { label: string; solid: number; hollow: number };
type Props = { bars: Bar[]; solid: string; hollow: string };

const HEIGHT = 96;
const STEP = 20;

/** A small chart of stacked bars. The same numbers are a table for whoever cannot see it. */
export function Bars({ bars, solid, hollow }: Props) {
  const top = Math.max(1, ...bars.map((bar) => bar.solid + bar.hollow));
  const scaled = (n: number) => (n === 0 ? 0 : Math.max(2, (n / top) * HEIGHT));
  return (
    <figure className="bars">
      <svg viewBox={`0 0 ${bars.length * STEP} ${HEIGHT + 2}`} preserveAspectRatio="none" aria-hidden="true">
        <line x1="0" x2={bars.length * STEP} y1={HEIGHT + 1} y2={HEIGHT + 1} className="axis" />
        {bars.map((bar, n) => (
          <g key={bar.label}>
            <title>{`${bar.label}: ${bar.solid} ${solid}, ${bar.hollow} ${hollow}`}</title>
            <rect x={n * STEP} width={STEP} y="0" height={HEIGHT} className="hit" />
            <rect
              x={n * STEP + 3}
              width={STEP - 6}
              y={HEIGHT - scaled(bar.solid)}
              height={scaled(bar.solid)}
              className="solid"
            />
            <rect
              x={n * STEP + 3}
              width={STEP - 6}
              y={HEIGHT - scaled(bar.solid) - scaled(bar.hollow)}
              height={scaled(bar.hollow)}
              className="hollow"
            />
          </g>
        ))}
      </svg>
      <figcaption>
        <span>{bars[0]?.label}</span>
        <span className="key solid">{solid}</span>
        <span className="key hollow">{hollow}</span>
        <span>{bars.at(-1)?.label}</span>
      </figcaption>
      <table className="sr-only">
        <caption>By hour</caption>
        <tbody>
          {bars.map((bar) => (
            <tr key={bar.label}>
              <th scope="row">{bar.label}</th>
              <td>{`${bar.solid} ${solid}`}</td>
              <td>{`${bar.hollow} ${hollow}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </figure>
  );
}

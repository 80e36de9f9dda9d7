import { visible } from "./visible";

type Props = { text: string; none?: string; path?: boolean };

/** Text that a guest or a device made: in code type, its own direction, hidden letters written out. */
export function Guest({ text, none = "—", path = false }: Props) {
  if (text === "") return <span className="muted">{none}</span>;
  return (
    <bdi className={path ? "guest path" : "guest"} title={visible(text)}>
      {visible(text)}
    </bdi>
  );
}

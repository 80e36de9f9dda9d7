import { queryOptions, keepPreviousData } from "@tanstack/react-query";
import { get, remove, send, type Query } from "../../api/client";
import { Person as PersonParser, PersonPage } from "../../api/generated/parsers";
import type { Schemas } from "../../api/queries";
import type { Grant } from "../../app/roles";

export type Person = Schemas["Person"];
export type Draft = { name: string; password: string; roles: Grant[] };

export const peopleQuery = (query: Query) =>
  queryOptions({
    queryKey: ["people", query],
    queryFn: ({ signal }) => get(PersonPage, "/people", { limit: 50, ...query }, signal),
    placeholderData: keepPreviousData,
  });

const path = (id: string) => `/people/${encodeURIComponent(id)}`;
export const addPerson = (draft: Draft): Promise<Person> => send(PersonParser, "POST", "/people", draft);
export const setDisabled = ({ id, disabled }: { id: string; disabled: boolean }): Promise<Person> =>
  send(PersonParser, "PATCH", path(id), { disabled });
export const removePerson = (id: string) => remove(path(id));

/** "all", or the names between commas and spaces. */
export function parseGroups(text: string): Grant["groups"] {
  const names = text.split(/[\s,]+/).filter((name) => name !== "");
  return names.length === 0 || names.includes("all") ? "all" : names;
}

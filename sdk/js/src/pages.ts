/** Walks pages by their cursor. Pages are fetched as they are asked for. */
export async function* pages<P extends { next_cursor: string | null }>(
  fetchPage: (cursor?: string) => Promise<P>,
  first?: string,
): AsyncGenerator<P, void, undefined> {
  let cursor = first;
  do {
    const page = await fetchPage(cursor);
    yield page;
    cursor = page.next_cursor ?? undefined;
  } while (cursor !== undefined);
}

/** Walks the items of pages. */
export async function* items<T>(of: AsyncIterable<{ data: T[] }>): AsyncGenerator<T, void, undefined> {
  for await (const page of of) yield* page.data;
}

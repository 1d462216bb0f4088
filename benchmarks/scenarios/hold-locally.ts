/** Has pushes to a Meridian (`host:port`) return when the content is in one region, unless their repository asks for more. */
export async function holdLocally(registry: string): Promise<void> {
  const answer = await fetch(`http://${registry}/meridian/v1/settings`, {
    ...{ method: 'PATCH', body: JSON.stringify({ durability: 'local' }) },
    headers: { 'content-type': 'application/merge-patch+json' },
  });
  if (!answer.ok) throw new Error(`The defaults were not changed: ${await answer.text()}`);
}

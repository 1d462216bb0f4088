/** Places in a ranking of `count`, from 0: the n-th is taken in proportion to 1/n^exponent. */
export function zipf(random: () => number, count: number, exponent = 1): () => number {
  const cumulative: number[] = [];
  let total = 0;
  for (let rank = 1; rank <= count; rank++) {
    total += 1 / rank ** exponent;
    cumulative.push(total);
  }
  return () => {
    const place = random() * total;
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((cumulative[middle] ?? 0) > place) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}

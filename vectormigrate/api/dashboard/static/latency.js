// What passing through costs, from two looks at the numbers: quantiles of what was observed between them.

function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const match = /^vectormigrate_(source|request|added)_seconds_bucket\{(.*)\} (\S+)$/.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries([...match[2].matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((pair) => [pair[1], pair[2]]));
    const key = `${match[1]}|${labels.listener}`;
    const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
    const buckets = found.get(key) || new Map();
    buckets.set(bound, (buckets.get(bound) || 0) + Number(match[3]));
    found.set(key, buckets);
  }
  return found;
}

function quantile(now, before, share) {
  const bounds = [...now.keys()].sort((a, b) => a - b);
  const seen = bounds.map((bound) => now.get(bound) - ((before && before.get(bound)) || 0));
  const total = seen[seen.length - 1];
  if (!total) return null;
  const wanted = share * total;
  let low = 0;
  let under = 0;
  for (const [place, bound] of bounds.entries()) {
    if (seen[place] >= wanted) {
      if (bound === Infinity) return low;
      return low + (bound - low) * ((wanted - under) / Math.max(1, seen[place] - under));
    }
    low = bound;
    under = seen[place];
  }
  return low;
}

export class Latency {
  constructor() { this.last = null; }

  // Rows of a table: listener, p50 and p99 of the request, the source and us.
  look(text) {
    const now = parse(text);
    const before = this.last || new Map();
    this.last = now;
    const listeners = [...new Set([...now.keys()].map((key) => key.split("|")[1]))].sort();
    return listeners.map((listener) => {
      const both = (what) => {
        const buckets = now.get(`${what}|${listener}`);
        if (!buckets) return [null, null];
        const old = before.get(`${what}|${listener}`);
        return [quantile(buckets, old, 0.5), quantile(buckets, old, 0.99)];
      };
      return { listener, request: both("request"), source: both("source"), added: both("added") };
    });
  }
}

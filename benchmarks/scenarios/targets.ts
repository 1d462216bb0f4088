import type { Target } from '../report/results.ts';

/** Distribution 3, or Debian's 2.8 where that is all there is. */
const PEER = ['distribution3', 'distribution2'];

/** So many times as good as the peer. */
export function aheadOfPeer(figure: string, ratio: number): Target {
  return { figure, against: PEER, ratio };
}

/** So many times as good as what Node does with nothing around it. */
export function besidePlainNode(figure: string, ratio: number): Target {
  return { figure, against: ['plain Node'], ratio };
}

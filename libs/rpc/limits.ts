import type { ChannelOptions } from '@grpc/grpc-js';

/** The most bytes of a blob that one message carries. */
export const MAX_CHUNK_BYTES = 1024 * 1024;

/** A message holds at most one chunk, or a list of descriptors; 8 MiB leaves room for the largest of either. */
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

/** What may be under way on one connection unread: the bandwidth-delay product of 250 ms at 500 Mbit/s. */
export const FLOW_CONTROL_WINDOW_BYTES = 16 * 1024 * 1024;

/** The same of one stream of requests, which may wait for a disk. */
export const REQUEST_WINDOW_BYTES = 4 * 1024 * 1024;

export const channelOptions: ChannelOptions = {
  'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
  'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  'grpc-node.flow_control_window': FLOW_CONTROL_WINDOW_BYTES,
  'grpc.enable_retries': 0,
  'grpc.keepalive_time_ms': 10_000,
  'grpc.keepalive_timeout_ms': 5_000,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  'grpc.use_local_subchannel_pool': 1,
};

/** Of a service of the own region: asked for again so soon that a restart of it is hardly seen. */
export const ownRegionOptions: ChannelOptions = {
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 200,
};

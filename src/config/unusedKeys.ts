/** Keys of WCS that recorderd does not read. A file that holds them is a WCS file, not a file with typing errors. */
export const UNUSED_WCS_KEYS: ReadonlySet<string> = new Set(
  `
  client_log_level codecs codecs_exclude_sip codecs_exclude_sip_rtmp codecs_exclude_streaming
  compact_media_port_usage
  hls.https.port hls.port ice_tcp_transport jobs_max_prefer_timeout jobs_max_prefer_wait_time
  keep_alive.enabled keep_alive.peer_interval
  media_dir mixer_auto_start
  mixer_display_stream_name mixer_idle_timeout mixer_mcu_audio mixer_mcu_video mixer_realtime
  mixer_voice_activity mp4_container_moov_first mp4_container_moov_first_reserve_space
  mp4_container_moov_reserved_space_size mp4_container_write_header_on_fly
  on_multiple_record_hook_script record_audio_buffer_max_size record_audio_codec_channels
  record_mixer_streams record_rotation_index_enabled rest_hook_secret_key
  rest_hook_send_hash rtp_bundle
  rtsp_client_address rtsp_interleaved_channels
  `
    .trim()
    .split(/\s+/),
);

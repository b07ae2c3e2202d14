-- The names that people's SQL relies on, where they are not tables already.

CREATE VIEW packets AS
  SELECT p.id AS journey_id, s.step,
    p.clock_us + c.offset_us + coalesce(json_extract('[' || p.step_us || ']', '$[' || s.step || ']'), 0) AS seen_at_us,
    c.error_us AS seen_error_us, h.kind, h.prefix, h.reason_id, h.message, h.family, h.table_name, h.chain, h.rule_kind, h.rule_no,
    h.handle, h.verdict, h.in_if, h.out_if, h.phys_in, h.phys_out, t.proto, t.src, t.dst, t.sport, t.dport, t.extra AS tuple_extra,
    p.ip_id, p.len, p.ttl - s.ttl_lost AS ttl, f.flags, p.seq, p.ack, p.window, p.mark, p.extra, c.boot_id, p.namespace_id,
    c.source_id, p.line
  FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN tuples t ON t.id = p.tuple_id
    JOIN path_steps s ON s.path_id = p.path_id AND s.slot = 0 JOIN heads h ON h.id = s.head_id JOIN shapes f ON f.id = s.shape_id
  UNION ALL
  SELECT p.id, s.step,
    p.clock_us + c.offset_us + coalesce(json_extract('[' || p.step_us || ']', '$[' || s.step || ']'), 0),
    c.error_us, h.kind, h.prefix, h.reason_id, h.message, h.family, h.table_name, h.chain, h.rule_kind, h.rule_no,
    h.handle, h.verdict, h.in_if, h.out_if, h.phys_in, h.phys_out, t.proto, t.src, t.dst, t.sport, t.dport, t.extra,
    p.ip_id, p.len, p.ttl - s.ttl_lost, f.flags, p.seq, p.ack, p.window, p.mark, p.extra, c.boot_id, p.namespace_id,
    c.source_id, p.line
  FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN tuples t ON t.id = p.tuple2_id
    JOIN path_steps s ON s.path_id = p.path_id AND s.slot = 1 JOIN heads h ON h.id = s.head_id JOIN shapes f ON f.id = s.shape_id
  WHERE p.tuple2_id IS NOT NULL
  UNION ALL
  SELECT p.id, s.step,
    p.clock_us + c.offset_us + coalesce(json_extract('[' || p.step_us || ']', '$[' || s.step || ']'), 0),
    c.error_us, h.kind, h.prefix, h.reason_id, h.message, h.family, h.table_name, h.chain, h.rule_kind, h.rule_no,
    h.handle, h.verdict, h.in_if, h.out_if, h.phys_in, h.phys_out, t.proto, t.src, t.dst, t.sport, t.dport, t.extra,
    p.ip_id, p.len, p.ttl - s.ttl_lost, f.flags, p.seq, p.ack, p.window, p.mark, p.extra, c.boot_id, p.namespace_id,
    c.source_id, p.line
  FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN tuples t ON t.id = p.tuple3_id
    JOIN path_steps s ON s.path_id = p.path_id AND s.slot = 2 JOIN heads h ON h.id = s.head_id JOIN shapes f ON f.id = s.shape_id
  WHERE p.tuple3_id IS NOT NULL;

-- LEFT JOINs on keys: SQLite leaves out those whose columns a query does not use.
CREATE VIEW journeys AS
  SELECT p.id, p.clock_us + c.offset_us AS began_at_us, c.error_us AS began_error_us, t.proto, t.src, t.dst, t.sport, t.dport, f.flags,
    p.tuple_id, p.tuple2_id, p.tuple3_id, x.steps, h.kind AS ended_by, h.table_name AS ended_table, h.chain AS ended_chain,
    h.rule_kind AS ended_kind, h.rule_no AS ended_rule, h.handle AS ended_handle, h.verdict AS ended_verdict, p.path_id,
    c.boot_id, p.namespace_id, c.source_id, p.line
  FROM passages p JOIN clocks c ON c.id = p.clock_id JOIN paths x ON x.id = p.path_id
    LEFT JOIN tuples t ON t.id = p.tuple_id
    LEFT JOIN path_steps s ON s.path_id = p.path_id AND s.step = x.steps - 1 LEFT JOIN heads h ON h.id = s.head_id
    LEFT JOIN path_steps b ON b.path_id = p.path_id AND b.step = 0 LEFT JOIN shapes f ON f.id = b.shape_id;

CREATE VIEW trace_steps AS
  SELECT journey_id, step, seen_at_us, kind, family, table_name, chain, rule_kind, rule_no, handle, verdict, src, dst, sport, dport, ttl
  FROM packets WHERE kind IN ('trace', 'nft-trace', 'xtables-trace');

CREATE VIEW kernel_messages AS
  SELECT k.id, k.clock_us + c.offset_us AS seen_at_us, c.error_us AS seen_error_us, k.kind, k.reason_id, k.function, k.count, k.text,
    c.boot_id, c.source_id, k.line
  FROM kernel_notices k JOIN clocks c ON c.id = k.clock_id;

CREATE VIEW ct_entries AS
  SELECT v.id AS version_id, n.id AS snapshot_id, n.taken_at_us, v.list, o.proto,
    o.src AS orig_src, o.dst AS orig_dst, o.sport AS orig_sport, o.dport AS orig_dport, o.extra AS orig_extra,
    r.src AS reply_src, r.dst AS reply_dst, r.sport AS reply_sport, r.dport AS reply_dport, r.extra AS reply_extra,
    v.zone, v.zone_orig, v.zone_reply, v.state, v.status, v.mark, v.helper, v.labels, v.secctx, v.ct_id, v.started_at_us,
    coalesce((SELECT m.expires_at_us FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1),
      v.expires_at_us) AS expires_at_us,
    coalesce((SELECT m.timeout_s FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1),
      v.timeout_s) AS timeout_s,
    (SELECT m.packets FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1) AS packets,
    (SELECT m.bytes FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1) AS bytes,
    (SELECT m.reply_packets FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1) AS reply_packets,
    (SELECT m.reply_bytes FROM ct_entry_moves m WHERE m.version_id = v.id AND m.seq <= n.seq ORDER BY m.seq DESC LIMIT 1) AS reply_bytes,
    v.source_id, v.line
  FROM snapshots n JOIN ct_entry_versions v ON v.series_id = n.series_id AND v.from_seq <= n.seq AND (v.to_seq IS NULL OR v.to_seq > n.seq)
    JOIN tuples o ON o.id = v.tuple_id LEFT JOIN tuples r ON r.id = v.reply_tuple_id;

CREATE VIEW ct_events AS
  SELECT e.id, e.clock_us + c.offset_us AS seen_at_us, c.error_us AS seen_error_us, e.kind, t.proto,
    t.src AS orig_src, t.dst AS orig_dst, t.sport AS orig_sport, t.dport AS orig_dport, t.extra AS orig_extra,
    r.src AS reply_src, r.dst AS reply_dst, r.sport AS reply_sport, r.dport AS reply_dport,
    e.state, e.status, e.timeout_s, e.zone, e.mark, e.ct_id, e.port_id, e.is_user_space, e.packets, e.bytes, e.reply_packets, e.reply_bytes,
    c.boot_id, e.namespace_id, c.source_id, e.line
  FROM events e JOIN clocks c ON c.id = e.clock_id JOIN tuples t ON t.id = e.tuple_id LEFT JOIN tuples r ON r.id = e.reply_tuple_id;

CREATE VIEW expectations AS
  SELECT x.id, x.snapshot_id, n.taken_at_us, t.proto, t.src, t.dst, t.sport, t.dport, x.mask_src, x.mask_dst, x.mask_sport, x.mask_dport,
    m.src AS master_src, m.dst AS master_dst, m.sport AS master_sport, m.dport AS master_dport,
    x.timeout_s, x.zone, x.class, x.flags, x.helper, x.source_id, x.line
  FROM expectation_rows x JOIN snapshots n ON n.id = x.snapshot_id JOIN tuples t ON t.id = x.tuple_id LEFT JOIN tuples m ON m.id = x.master_tuple_id;

CREATE VIEW ct_stats AS
  SELECT n.id AS snapshot_id, n.taken_at_us, k.name, k.cpu,
    (SELECT v.value FROM values_over_time v WHERE v.series_id = n.series_id AND v.what = 'ct-stat' AND v.name = k.name AND v.cpu = k.cpu
      AND v.seq <= n.seq ORDER BY v.seq DESC LIMIT 1) AS value
  FROM snapshots n JOIN (SELECT DISTINCT series_id, name, cpu FROM values_over_time WHERE what = 'ct-stat') k ON k.series_id = n.series_id;

CREATE VIEW sysctls AS
  SELECT n.id AS snapshot_id, n.taken_at_us, k.name,
    (SELECT v.value FROM values_over_time v WHERE v.series_id = n.series_id AND v.what = 'sysctl' AND v.name = k.name AND v.cpu = -1
      AND v.seq <= n.seq ORDER BY v.seq DESC LIMIT 1) AS value
  FROM snapshots n JOIN (SELECT DISTINCT series_id, name FROM values_over_time WHERE what = 'sysctl') k ON k.series_id = n.series_id;

CREATE VIEW sockets AS
  SELECT n.id AS snapshot_id, n.taken_at_us, k.id, k.proto, k.state, k.local, k.lport, k.peer, k.pport, k.recv_q, k.send_q,
    k.timer, k.timer_ms, k.retrans, k.uid, k.inode, k.process, k.info, k.source_id, k.line
  FROM snapshots n JOIN sockets_seen k ON k.series_id = n.series_id AND k.from_seq <= n.seq AND (k.to_seq IS NULL OR k.to_seq > n.seq);

CREATE VIEW routes AS
  SELECT n.id AS snapshot_id, n.taken_at_us, f.id, f.kind, json_extract(f.data, '$.dst') AS dst, json_extract(f.data, '$.gateway') AS gateway,
    json_extract(f.data, '$.dev') AS dev, json_extract(f.data, '$.table') AS table_name, json_extract(f.data, '$.prefsrc') AS prefsrc,
    json_extract(f.data, '$.metric') AS metric, f.data, f.source_id, f.line
  FROM snapshots n JOIN host_facts f ON f.series_id = n.series_id AND f.from_seq <= n.seq AND (f.to_seq IS NULL OR f.to_seq > n.seq)
  WHERE f.kind IN ('route', 'rule');

CREATE VIEW gaps AS
  SELECT g.id, s.name AS source, g.what, g.from_at_us, g.to_at_us, g.lost, g.state, g.why
  FROM coverage g LEFT JOIN sources s ON s.id = g.source_id WHERE g.state <> 'complete';

-- How many lines showed packets: to count them, all packets would have to be read.
ALTER TABLE clocks ADD COLUMN packet_lines INTEGER NOT NULL DEFAULT 0;
UPDATE clocks SET packet_lines =
  (SELECT coalesce(sum(x.steps), 0) FROM passages p JOIN paths x ON x.id = p.path_id WHERE p.clock_id = clocks.id);

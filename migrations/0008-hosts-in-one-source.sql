-- A central log holds the lines of many hosts. Each host has a source of its own with the lines that are its; the text, the resume point
-- and what nobody could read stay with the source they are part of.
ALTER TABLE sources ADD COLUMN part_of INTEGER REFERENCES sources;
CREATE INDEX sources_part_of ON sources (part_of) WHERE part_of IS NOT NULL;

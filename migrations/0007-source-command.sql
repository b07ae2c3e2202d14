-- What printed a source, where a manifest or the prompt above the text tells: its options say what it left out.
ALTER TABLE sources ADD COLUMN command TEXT;

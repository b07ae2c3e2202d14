-- A release that nobody printed but somebody's words mention ('we run kernel 5.15.150').
ALTER TABLE boots ADD COLUMN is_release_guessed INTEGER NOT NULL DEFAULT 0;

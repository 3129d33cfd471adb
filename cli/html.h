/* SPDX-License-Identifier: MIT OR GPL-2.0-only
 * Copyright 2026 The Gracewalk authors
 * Text of strangers in a page of HTML: control characters are shown as pictures of them, bytes that
 * are no UTF-8 as U+FFFD; nothing of it is markup. */
#ifndef GRACEWALK_CLI_HTML_H
#define GRACEWALK_CLI_HTML_H

#include <stddef.h>
#include <stdio.h>

/* As text, or as the value of an attribute in quotes: as many bytes of it at most, then dots. */
void html_text(FILE *page, const char *text, size_t most);

/* A word of a command line, quoted for a shell where it must be. */
void html_shell_word(FILE *page, const char *word);

/* JSON, printed without line breaks, as the content of a script element. */
void html_json(FILE *page, const char *json);

#endif

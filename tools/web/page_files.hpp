// The page's files, compiled into the program (embed.cmake makes the table from page/ and openapi.json).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace vault::web {

struct EmbeddedFile {
  std::string_view name, content;
};
extern const std::span<const EmbeddedFile> embedded_files;

// By the file name's extension; unknown ones are sent as bytes.
std::string_view content_type_of(std::string_view name);

}  // namespace vault::web

// The page's files, compiled into the program (embed.cmake makes the table out of page/ and openapi.json).
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace vault::web {

struct EmbeddedFile {
  std::string_view name, content;
};
extern const std::span<const EmbeddedFile> embedded_files;

// By the name's end; what is not known is sent as bytes.
std::string_view content_type_of(std::string_view name);

}  // namespace vault::web

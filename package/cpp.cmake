# libvault999-dev: the C++ client library, to link into programs: headers, static libraries, pkg-config, CMake.
#
# The headers are those that docs/cpp.md names, and whatever of ours they include. Three are named as they were before they
# had a folder: examples/CMakeLists.txt makes them.
set(unread
  wire/client/client.hpp wire/client/curve_keys.hpp wire/client/subscriber.hpp wire/codec.hpp wire/error.hpp wire/message.hpp
  ledger/canonical_json.hpp ledger/checkpoint.hpp ledger/entry.hpp ledger/hash_check.hpp ledger/kept_seal.hpp
  ledger/proof.hpp
  ledger/proof_file.hpp ledger/receipt.hpp ledger/signed_note.hpp)
set(cpp_headers "")
while(unread)
  list(POP_FRONT unread header)
  if(header IN_LIST cpp_headers)
    continue()
  endif()
  list(APPEND cpp_headers ${header})
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${header})
  file(STRINGS ${CMAKE_SOURCE_DIR}/${header} lines REGEX "^#include \"")
  foreach(line ${lines})
    string(REGEX REPLACE "^#include \"(.*)\".*" "\\1" included ${line})
    list(APPEND unread ${included})
  endforeach()
endwhile()
foreach(header ${cpp_headers})
  get_filename_component(room ${header} DIRECTORY)
  install(FILES ${CMAKE_SOURCE_DIR}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vault999/${room} COMPONENT cpp)
endforeach()
install(DIRECTORY ${VAULT_PUBLIC_HEADERS_DIR}/wire DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/vault999 COMPONENT cpp)
# Without debug information, which would be most of their size.
set(cpp_libraries vault_client vault_wire vault_ledger)
set(stripped "")
foreach(library ${cpp_libraries})
  set(archive ${CMAKE_BINARY_DIR}/cpp/lib${library}.a)
  add_custom_command(OUTPUT ${archive}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/cpp
    COMMAND ${CMAKE_OBJCOPY} --strip-debug --remove-section=.comment --remove-section=.note
      --enable-deterministic-archives $<TARGET_FILE:${library}> ${archive}
    DEPENDS ${library} COMMENT "lib${library}.a without debug information" VERBATIM)
  list(APPEND stripped ${archive})
endforeach()
add_custom_target(cpp_libraries ALL DEPENDS ${stripped})
install(FILES ${stripped} DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT cpp)

foreach(file vault999-client.pc vault999-config.cmake vault999-config-version.cmake)
  configure_file(cpp/${file}.in ${CMAKE_CURRENT_BINARY_DIR}/cpp/${file} @ONLY)
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cpp/vault999-client.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
  COMPONENT cpp)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/cpp/vault999-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/cpp/vault999-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/vault999 COMPONENT cpp)

set(cpp_doc_dir ${CMAKE_INSTALL_DATADIR}/doc/libvault999-dev)
install(FILES debian/copyright DESTINATION ${cpp_doc_dir} COMPONENT cpp)
install(FILES ${CMAKE_SOURCE_DIR}/docs/cpp.md DESTINATION ${cpp_doc_dir} COMPONENT cpp)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/examples DESTINATION ${cpp_doc_dir} COMPONENT cpp FILES_MATCHING PATTERN "*.cpp")
if(GZIP)
  set(changelog ${CMAKE_CURRENT_BINARY_DIR}/debian/cpp/changelog)
  file(READ ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.text text)
  string(REPLACE "vault999 (" "libvault999-dev (" text "${text}")
  file(WRITE ${changelog} "${text}")
  execute_process(COMMAND ${GZIP} -9nf ${changelog} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${changelog}.gz DESTINATION ${cpp_doc_dir} COMPONENT cpp)
endif()

set(CPACK_DEBIAN_CPP_PACKAGE_NAME libvault999-dev)
set(CPACK_DEBIAN_CPP_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_CPP_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_CPP_PACKAGE_DEPENDS "libexpected-dev, libfmt-dev, libssl-dev, libzmq3-dev")
set(CPACK_DEBIAN_CPP_PACKAGE_RECOMMENDS "pkg-config | pkgconf")
set(CPACK_DEBIAN_CPP_PACKAGE_SUGGESTS "vault999, cmake")
set(CPACK_DEBIAN_CPP_DESCRIPTION "tamper-evident audit ledger, client library for C++
Headers and static libraries for programs that seal, read, query, verify and
prove through vaultd, follow its events, and check receipts, proofs and
checkpoints without it. C++20.")

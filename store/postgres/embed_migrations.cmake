# Writes OUTPUT: the text of every NNN_name.sql in DIRECTORY and of its rollback, as embedded_migrations.hpp declares it.
file(GLOB files ${DIRECTORY}/*.sql)
list(SORT files)
if(NOT files)
  message(FATAL_ERROR "no migrations in ${DIRECTORY}")
endif()
set(body "")
foreach(file ${files})
  if(file MATCHES "\\.rollback\\.sql$")
    continue()
  endif()
  get_filename_component(stem ${file} NAME_WE)
  if(NOT stem MATCHES "^([0-9][0-9][0-9])_(.+)$")
    message(FATAL_ERROR "${file} is not named NNN_name.sql")
  endif()
  set(name ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^0+" "" version ${CMAKE_MATCH_1})
  file(READ ${file} up)
  file(READ ${DIRECTORY}/${stem}.rollback.sql down)
  string(APPEND body
    "    {${version}, \"${name}\",\n     R\"vault_sql(${up})vault_sql\",\n     R\"vault_sql(${down})vault_sql\"},\n")
endforeach()
file(WRITE ${OUTPUT}
  "// Generated from migrations/ by embed_migrations.cmake.\n"
  "#include \"store/postgres/embedded_migrations.hpp\"\n\nnamespace vault {\n\nnamespace {\n"
  "const EmbeddedMigration migrations[] = {\n" "${body}" "};\n}  // namespace\n\n"
  "std::span<const EmbeddedMigration> embedded_migrations() { return migrations; }\n\n}  // namespace vault\n")

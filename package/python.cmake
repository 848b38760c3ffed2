# python3-vault999: the Python package as a Debian package of its own. Pure Python, for every architecture.
set(module_dir lib/python3/dist-packages)
set(python_doc_dir ${CMAKE_INSTALL_DATADIR}/doc/python3-vault999)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/clients/python/vault999 DESTINATION ${module_dir} COMPONENT python
  FILES_MATCHING PATTERN "*.py" PATTERN "py.typed" PATTERN "__pycache__" EXCLUDE)
configure_file(debian/python/PKG-INFO.in ${CMAKE_CURRENT_BINARY_DIR}/debian/python/PKG-INFO @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/debian/python/PKG-INFO DESTINATION ${module_dir} COMPONENT python
  RENAME vault999-${PROJECT_VERSION}.egg-info)
install(FILES debian/copyright DESTINATION ${python_doc_dir} COMPONENT python)
install(FILES ${CMAKE_SOURCE_DIR}/docs/python.md DESTINATION ${python_doc_dir} COMPONENT python)
install(DIRECTORY ${CMAKE_SOURCE_DIR}/clients/python/examples DESTINATION ${python_doc_dir} COMPONENT python
  FILES_MATCHING PATTERN "*.py" PATTERN "__pycache__" EXCLUDE)
if(GZIP)
  set(changelog ${CMAKE_CURRENT_BINARY_DIR}/debian/python/changelog)
  file(READ ${CMAKE_CURRENT_BINARY_DIR}/debian/changelog.text text)
  string(REPLACE "vault999 (" "python3-vault999 (" text "${text}")
  file(WRITE ${changelog} "${text}")
  execute_process(COMMAND ${GZIP} -9nf ${changelog} COMMAND_ERROR_IS_FATAL ANY)
  install(FILES ${changelog}.gz DESTINATION ${python_doc_dir} COMPONENT python)
endif()

set(CPACK_DEBIAN_PYTHON_PACKAGE_NAME python3-vault999)
set(CPACK_DEBIAN_PYTHON_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SECTION python)
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "python3 (>= 3.9), python3-zmq, python3-msgpack")
set(CPACK_DEBIAN_PYTHON_PACKAGE_RECOMMENDS "python3-cryptography")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SUGGESTS "vault999")
set(CPACK_DEBIAN_PYTHON_DESCRIPTION "tamper-evident audit ledger, client for Python
Seals, reads, queries, verifies and proves through vaultd, blocking or with
asyncio; keeps seals on disk while vaultd is away; checks receipts, proofs and
checkpoints without it. vault999.persistent_ledger has the names of the older
Python ledger.")
set(CPACK_DEBIAN_PYTHON_PACKAGE_CONTROL_EXTRA
  ${CMAKE_CURRENT_SOURCE_DIR}/debian/python/postinst ${CMAKE_CURRENT_SOURCE_DIR}/debian/python/prerm)

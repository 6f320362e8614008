# Finds PostgreSQL through pg_config and defines
#   vx_postgresql             interface target: server headers
#   add_postgresql_module()   a shared library that a server loads
#   install_extension()       control and SQL files
if(NOT VECMESH_SERVER)
  return()
endif()

find_program(PG_CONFIG pg_config REQUIRED)
function(pg_config_value variable option)
  execute_process(COMMAND ${PG_CONFIG} ${option} OUTPUT_VARIABLE value
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  set(${variable} "${value}" PARENT_SCOPE)
endfunction()
pg_config_value(PG_VERSION --version)
pg_config_value(PG_INCLUDEDIR --includedir)
pg_config_value(PG_INCLUDEDIR_SERVER --includedir-server)
pg_config_value(PG_PKGLIBDIR --pkglibdir)
pg_config_value(PG_SHAREDIR --sharedir)
pg_config_value(PG_BINDIR --bindir)
pg_config_value(PG_LIBDIR --libdir)
message(STATUS "${PG_VERSION} (${PG_CONFIG})")

add_library(vx_postgresql INTERFACE)
target_include_directories(vx_postgresql SYSTEM INTERFACE ${PG_INCLUDEDIR_SERVER} ${PG_INCLUDEDIR})
target_compile_definitions(vx_postgresql INTERFACE _GNU_SOURCE)

# add_postgresql_module(name [TEST] SOURCES… LIBRARIES…): only the V1 functions, the module magic and
# _PG_init leave the library (rule B16); tests/checks/exports.sh holds the allow-list. TEST: it is
# installed by `cmake --install … --component test` alone.
function(add_postgresql_module name)
  cmake_parse_arguments(ARG "TEST" "" "SOURCES;LIBRARIES" ${ARGN})
  add_library(${name} MODULE ${ARG_SOURCES})
  set_target_properties(${name} PROPERTIES PREFIX "" OUTPUT_NAME ${name})
  target_link_libraries(${name} PRIVATE vx_compiler vx_postgresql ${ARG_LIBRARIES})
  target_link_options(${name} PRIVATE -Wl,--exclude-libs,ALL -Wl,-Bsymbolic -Wl,-z,relro,-z,now
    -Wl,--version-script=${CMAKE_SOURCE_DIR}/extension/exports.map)
  set_target_properties(${name} PROPERTIES LINK_DEPENDS ${CMAKE_SOURCE_DIR}/extension/exports.map)
  if(ARG_TEST)
    install(TARGETS ${name} LIBRARY DESTINATION ${PG_PKGLIBDIR} COMPONENT test EXCLUDE_FROM_ALL)
  else()
    install(TARGETS ${name} LIBRARY DESTINATION ${PG_PKGLIBDIR} COMPONENT ${name})
  endif()
endfunction()

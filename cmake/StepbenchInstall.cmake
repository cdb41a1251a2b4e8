# What `cmake --install` puts where. The program finds its experiments and data relative to itself
# (experiments/plan/data_folders.cpp), so that the result can be moved.
set(STEPBENCH_DATA_FOLDER ${CMAKE_INSTALL_DATADIR}/stepbench)
set(STEPBENCH_NOT_INSTALLED PATTERN __pycache__ EXCLUDE PATTERN make_data.py EXCLUDE)

install(TARGETS stepbench RUNTIME)
if(TARGET stepbench-rank)
  install(TARGETS stepbench-rank RUNTIME)
endif()
file(GLOB configs CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/experiments/*.cfg)
install(FILES ${configs} DESTINATION ${STEPBENCH_DATA_FOLDER}/experiments)
install(DIRECTORY experiments/data DESTINATION ${STEPBENCH_DATA_FOLDER}/experiments ${STEPBENCH_NOT_INSTALLED})
# Those of the scripts that read results; what builds and tests this repository has no extension.
install(DIRECTORY scripts DESTINATION ${STEPBENCH_DATA_FOLDER} USE_SOURCE_PERMISSIONS
        FILES_MATCHING PATTERN *.py PATTERN *.css PATTERN *.js PATTERN *.sbatch ${STEPBENCH_NOT_INSTALLED})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
# The pages, and the picture that they show, in folders as here: they link to each other (tests/install follows the links).
set(STEPBENCH_PAGES README.md CHANGELOG.md CONTRIBUTING.md experiments/README.md experiments/accumulation.md experiments/fastest-batch.md
    experiments/grokking-rounding.md experiments/hogwild.md experiments/noise-scale.md experiments/one-bit.md experiments/sixteen-bit.md experiments/compare/README.md
    experiments/data/README.md experiments/measure/README.md experiments/scale/README.md results/README.md
    results/reference/README.md results/reference/quick-speed.svg results/reference/verdict-curves.svg
    results/reference/hogwild-time.svg results/reference/accumulation.svg results/reference/one-bit.svg
    results/reference/grokking-rounding-accuracy.svg results/reference/grokking-rounding-loss.svg results/reference/noise-scale.svg
    results/reference/sixteen-bit.svg scripts/README.md scripts/peers/README.md scripts/peers/PROTOCOL.md
    scripts/peers/example.py scripts/peers/stepbench_peer.py scripts/slurm/README.md tests/README.md variants/README.md
    variants/ranks/README.md)
foreach(page IN LISTS STEPBENCH_PAGES)
  cmake_path(GET page PARENT_PATH folder)
  install(FILES ${page} DESTINATION ${CMAKE_INSTALL_DOCDIR}/${folder})
endforeach()

# Said by the program itself, at the time of installing: it need not run when it is built.
install(CODE "set(completions \"${CMAKE_INSTALL_DATADIR}/bash-completion/completions\")")
install(CODE [[
  execute_process(COMMAND "$<TARGET_FILE:stepbench>" completion bash OUTPUT_VARIABLE script COMMAND_ERROR_IS_FATAL ANY)
  cmake_path(ABSOLUTE_PATH completions BASE_DIRECTORY "${CMAKE_INSTALL_PREFIX}")
  message(STATUS "Installing: $ENV{DESTDIR}${completions}/stepbench")
  file(WRITE "$ENV{DESTDIR}${completions}/stepbench" "${script}")
]])

#!/bin/bash
# Healthy = the server answers over TCP, which it does only once the database has been prepared.
exec pg_isready -q -h 127.0.0.1 -p 5432 -d "${VECMESH_DB:-vecmesh}"

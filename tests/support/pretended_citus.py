"""The parts of Citus that vaultd and vaultctl use, imitated by a plain PostgreSQL: a row in pg_extension, and functions
and tables of the same names that do little except record that they were called. It shows what we do, not what Citus
does.
"""

CREATE = """
SET allow_system_table_mods = on;
SET client_min_messages = warning;
INSERT INTO pg_catalog.pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (99999, 'citus', 10, 11, false, '13.2-1');
CREATE TABLE pg_catalog.pg_dist_local_group (groupid int);
INSERT INTO pg_catalog.pg_dist_local_group VALUES (0);
CREATE TABLE pg_catalog.pg_dist_schema (schemaid oid);
CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass, shardid bigint);
CREATE TABLE pg_catalog.pg_dist_placement (shardid bigint, groupid int);
CREATE TABLE pg_catalog.pg_dist_node (groupid int, nodename text, nodeport int, noderole text);
INSERT INTO pg_catalog.pg_dist_node VALUES (0, 'c', 5432, 'primary'), (2, 'w2', 5433, 'primary'), (2, 'r2', 5434, 'secondary');
CREATE TABLE public.said (nodeid int, success bool, result text);
INSERT INTO public.said VALUES (1, true, 'on on 1000'), (2, true, 'on remote_apply 5000');
CREATE TABLE public.calls (call text);
CREATE FUNCTION pg_catalog.citus_schema_distribute(schemaname regnamespace) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('citus.enable_unsafe_triggers', true) IS DISTINCT FROM 'on' THEN
        RAISE EXCEPTION 'cannot distribute relation because it has triggers';
    END IF;
    INSERT INTO pg_catalog.pg_dist_schema VALUES (schemaname);
    INSERT INTO pg_catalog.pg_dist_shard SELECT oid, oid FROM pg_class WHERE relnamespace = schemaname AND relkind = 'r';
    INSERT INTO pg_catalog.pg_dist_placement SELECT shardid, 2 FROM pg_catalog.pg_dist_shard;
    INSERT INTO public.calls VALUES ('distribute ' || schemaname);
END $$;
CREATE FUNCTION pg_catalog.create_distributed_function(function_name regprocedure, distribution_arg_name text DEFAULT NULL,
    colocate_with text DEFAULT 'default', force_delegation bool DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.calls VALUES ('function ' || (SELECT proname FROM pg_proc WHERE oid = function_name) || ' ' ||
                                     colocate_with || ' ' || (SELECT count(*) FROM pg_dist_shard
                                                              WHERE logicalrelid = colocate_with::regclass)) $$;
CREATE FUNCTION pg_catalog.run_command_on_all_nodes(command text, parallel bool DEFAULT true,
    give_warning_for_connection_errors bool DEFAULT false, OUT nodeid int, OUT success bool, OUT result text)
    RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE command INTO result;  -- it must be one that a server takes
    IF command NOT LIKE '%citus.recover_2pc_interval%' THEN RAISE EXCEPTION 'unexpected: %', command; END IF;
    RETURN QUERY SELECT s.nodeid, s.success, s.result FROM public.said s;
END $$;
CREATE FUNCTION pg_catalog.run_command_on_placements(table_name regclass, command text, parallel bool DEFAULT true,
    OUT nodename text, OUT nodeport int, OUT shardid bigint, OUT success bool, OUT result text)
    RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format(command, table_name) INTO result;
    nodename := 'w2'; nodeport := 5433; shardid := 1; success := true;
    RETURN NEXT;
END $$;
"""
